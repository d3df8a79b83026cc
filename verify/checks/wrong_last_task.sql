-- invariant 5: the last task of a payload agrees with it
SELECT
  'payload ' || p.id AS subject,
  p.status || ', its task ' || t.id || ' is ' || t.status AS detail
FROM payloads p
JOIN tasks t ON t.id = p.task_id
WHERE
  (p.status = 'COMPLETED' AND t.status <> 'COMPLETED')
  -- A payload that rests fails when its instance is terminated, long after its task has done its work.
  OR (p.status = 'FAILED' AND t.status = 'COMPLETED' AND p.failure_reason <> 'INSTANCE_TERMINATED')
  OR (p.status = 'EXECUTING' AND t.status NOT IN ${open_task_statuses});
