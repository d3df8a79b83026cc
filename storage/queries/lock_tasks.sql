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
  coalesce(${executes}, false) AS executes
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

-- name: hold_tasks
-- Those that their workers hold, under FOR UPDATE in the order of their ids; then, @with_capacity, the capacity lock, which comes
-- after tasks everywhere.
WITH held AS MATERIALIZED (
  SELECT t.id
  FROM unnest(@task_ids::bigint[], @lease_epochs::bigint[], @workers::text[]) AS told(task_id, lease_epoch, worker)
  JOIN tasks t ON ${held_as_told}
  ORDER BY t.id
  FOR UPDATE OF t
)
SELECT CASE WHEN @with_capacity::boolean AND count(*) >= 0 THEN ${capacity_lock} END
FROM held;
