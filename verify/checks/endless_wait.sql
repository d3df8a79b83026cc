-- invariant 1: a task waits for something that will come
-- The end of a task wakes the tasks that depend on it.
SELECT
  'task ' || t.id AS subject,
  'PENDING, waits for task ' || t.blocked_by || ', which has ended' AS detail
FROM tasks t
JOIN tasks b ON b.id = t.blocked_by
WHERE b.status NOT IN ${open_task_statuses}

UNION ALL

-- The end of a task on an instance wakes those that wait for a place there, so something has to run there.
SELECT
  'task ' || t.id,
  'PENDING, waits for a place on instance ' || t.instance_id || ' where nothing runs'
FROM tasks t
WHERE t.waiting_since < clock_timestamp() - interval '60 seconds'
  AND NOT EXISTS (
    SELECT 1
    FROM tasks r
    WHERE r.instance_id = t.instance_id
      AND r.status = 'RUNNING'
  )

UNION ALL

-- Only a rollout that is OPEN lets tasks through its gate, and only one that is STOPPING ends those behind it.
SELECT
  'task ' || t.id,
  'PENDING, waits at a gate of deployment ' || d.id || ' that is not open'
FROM tasks t
JOIN deployments d ON d.id = t.deployment_id
WHERE t.gated
  AND d.rollout_state NOT IN ('OPEN', 'STOPPING');
