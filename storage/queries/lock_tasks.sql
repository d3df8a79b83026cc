-- Tasks under FOR UPDATE, in the order of their ids, so that no two transactions wait for each other, with what decides about
-- their further life.

-- fragment: locked_task
SELECT
  t.id,
  t.type,
  t.status,
  t.lease_epoch,
  t.worker,
  t.payload_id,
  t.instance_id,
  t.remote_path,
  t.failures,
  t.cancel_requested,
  t.recall_requested,
  t.maybe_started,
  t.error,
  i.project,
  i.terminating AS instance_terminating,
  p.status AS payload_status,
  p.timeout,
  coalesce(p.execute_payload OR t.type = 'PAYLOAD_EXECUTE', false) AS executes
FROM tasks t
JOIN instances i ON i.id = t.instance_id
LEFT JOIN payloads p ON p.id = t.payload_id

-- name: lock_tasks
${locked_task}
WHERE t.id = ANY (@task_ids::bigint[])
ORDER BY t.id
FOR UPDATE OF t;

-- name: lock_tasks_of_payloads
${locked_task}
WHERE t.payload_id = ANY (@payload_ids::bigint[])
  AND ${in_scope}
ORDER BY t.id
FOR UPDATE OF t;
