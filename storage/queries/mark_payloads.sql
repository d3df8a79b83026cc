-- How far payloads have come.

-- name: learn_homes
-- A script that was sent to "~/x" and arrived at "/root/x" tells that the login user's home is "/root". The home of an instance
-- is learned once.
UPDATE instances i
SET home = left(arrived.path, -length(p.remote_path) + 1)
FROM unnest(@ids::bigint[], @remote_paths::text[]) AS arrived(id, path)
JOIN payloads p ON p.id = arrived.id
WHERE i.id = p.instance_id
  AND i.home = ''
  -- Else it is root's.
  AND NOT i.become
  AND p.remote_path LIKE '~/%'
  AND arrived.path LIKE '%' || substr(p.remote_path, 2);

-- name: mark_payloads_transferred
UPDATE payloads p
SET
  status = 'TRANSFERRED',
  copied = true,
  remote_path = arrived.path,
  transferred_at = now(),
  updated_at = now()
FROM unnest(@ids::bigint[], @remote_paths::text[]) AS arrived(id, path)
WHERE p.id = arrived.id
  AND ${open_payload}
  AND p.status NOT IN ('TRANSFERRED', 'EXECUTING')
RETURNING
  p.id,
  p.deployment_id,
  p.instance_id,
  p.task_id,
  p.attempt,
  p.execute_payload,
  ${project_of_payload},
  ${task_of_payload};
