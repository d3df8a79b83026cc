-- Payloads with all that the API shows of them except their output.

-- fragment: payload_columns
-- Of a payload p and its deployment d.
p.id,
p.deployment_id,
p.instance_id,
p.remote_path,
p.status,
p.execution_time_us,
p.executed,
p.exit_code,
p.error,
p.failure_reason,
p.output_bytes,
p.output_truncated,
p.task_id,
p.timeout,
d.script_sha256,
d.script_bytes,
p.attempt,
p.wave,
(extract(epoch FROM p.created_at) * 1000000)::bigint AS created_at,
(extract(epoch FROM p.transferred_at) * 1000000)::bigint AS transferred_at,
(extract(epoch FROM p.started_at) * 1000000)::bigint AS started_at,
(extract(epoch FROM p.finished_at) * 1000000)::bigint AS finished_at,
(extract(epoch FROM p.updated_at) * 1000000)::bigint AS updated_at,
p.execute_payload

-- name: get_payload
SELECT
  ${payload_columns}
FROM payloads p
JOIN deployments d ON d.id = p.deployment_id
JOIN instances i ON i.id = p.instance_id
WHERE p.id = @id
  AND ${in_scope};

-- name: get_payloads
SELECT
  ${payload_columns}
FROM payloads p
JOIN deployments d ON d.id = p.deployment_id
JOIN instances i ON i.id = p.instance_id
WHERE p.id = ANY (@ids::bigint[])
  AND ${in_scope}
ORDER BY p.id;

-- name: lock_payloads
-- Only the payloads are locked: their deployments are shared with many others.
SELECT
  ${payload_columns}
FROM payloads p
JOIN deployments d ON d.id = p.deployment_id
JOIN instances i ON i.id = p.instance_id
WHERE p.id = ANY (@ids::bigint[])
  AND ${in_scope}
ORDER BY p.id
FOR UPDATE OF p;

-- name: get_payload_update_times
SELECT
  p.id,
  (extract(epoch FROM p.updated_at) * 1000000)::bigint AS updated_at
FROM payloads p
WHERE p.id = ANY (@ids::bigint[]);

-- name: list_payloads
-- 0 as @deployment_id or @instance_id means any, an empty @status or @failure_reason every one, 0 as @before the first page.
-- planned each time
SELECT
  ${payload_columns}
FROM payloads p
JOIN deployments d ON d.id = p.deployment_id
JOIN instances i ON i.id = p.instance_id
WHERE (@deployment_id::bigint = 0 OR p.deployment_id = @deployment_id)
  AND (@instance_id::bigint = 0 OR p.instance_id = @instance_id)
  AND (@status = '' OR p.status = @status)
  AND (@failure_reason = '' OR p.failure_reason = @failure_reason)
  AND (@before::bigint = 0 OR p.id < @before)
  AND ${in_scope}
ORDER BY p.id DESC
LIMIT @limit;
