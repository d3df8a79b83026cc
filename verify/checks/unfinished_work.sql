-- invariant 1: everything has come to its end or its rest
-- Looks only when nothing is said to be under way.
SELECT
  'payload ' || p.id AS subject,
  p.status AS detail
FROM payloads p
WHERE @quiescent::boolean
  AND (
    p.status IN ('PENDING', 'EXECUTING')
    -- One that is TRANSFERRED rests unless a task has something left to do with it.
    OR (p.status = 'TRANSFERRED' AND ${has_open_task})
  )

UNION ALL

SELECT
  'task ' || id,
  status || ' ' || type
FROM tasks
WHERE @quiescent::boolean
  AND status IN ${open_task_statuses};
