-- invariant 1: an open payload has a task that will end it
SELECT
  'payload ' || p.id AS subject,
  p.status || ' without a task that is PENDING or RUNNING' AS detail
FROM payloads p
-- One that is TRANSFERRED may rest without a task.
WHERE p.status IN ('PENDING', 'EXECUTING')
  AND NOT ${has_open_task};
