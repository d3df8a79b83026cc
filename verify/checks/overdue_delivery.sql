-- invariant 1: a payload that cannot be delivered fails in time
SELECT
  'task ' || id AS subject,
  'PENDING, it was to be given up at ' || deliver_by AS detail
FROM tasks
WHERE status = 'PENDING'
  AND payload_id IS NOT NULL
  -- The time in which a task waits its turn does not count: its deliver_by is moved when the wait is over.
  AND waiting_since IS NULL
  AND blocked_by IS NULL
  AND NOT gated
  AND deliver_by < clock_timestamp() - interval '60 seconds';
