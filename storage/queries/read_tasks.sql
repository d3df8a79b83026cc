-- Tasks as callers see them.

-- fragment: task
SELECT
  t.id,
  t.type,
  t.status,
  t.attempt,
  (extract(epoch FROM t.run_at) * 1000000)::bigint AS run_at,
  t.depends_on,
  t.payload_id,
  t.instance_id,
  t.worker,
  t.error,
  t.traceparent,
  d.original_path,
  coalesce(p.remote_path, t.remote_path) AS remote_path,
  coalesce(p.execute_payload OR t.type = 'PAYLOAD_EXECUTE', false) AS execute_payload,
  p.timeout,
  (extract(epoch FROM t.claimed_at) * 1000000)::bigint AS claimed_at,
  (extract(epoch FROM t.created_at) * 1000000)::bigint AS created_at,
  (extract(epoch FROM t.updated_at) * 1000000)::bigint AS updated_at
FROM tasks t
JOIN instances i ON i.id = t.instance_id
LEFT JOIN payloads p ON p.id = t.payload_id
LEFT JOIN deployments d ON d.id = p.deployment_id

-- name: get_task
${task}
WHERE t.id = @task_id
  AND ${in_scope};

-- name: list_tasks
-- The newest first. An empty status or type, and an id of 0, leave that open.
-- planned each time
${task}
WHERE (@status = '' OR t.status = @status)
  AND (@type = '' OR t.type = @type)
  AND (@instance_id::bigint = 0 OR t.instance_id = @instance_id)
  AND (@before_id::bigint = 0 OR t.id < @before_id)
  AND ${in_scope}
ORDER BY t.id DESC
LIMIT @limit;
