-- invariant 7: nobody wrote under a lease that was never given
-- A task's epoch goes up with each lease and never down.
SELECT DISTINCT
  'payload ' || p.id AS subject,
  'output of epoch ' || o.lease_epoch || ', task ' || t.id || ' is at epoch ' || t.lease_epoch AS detail
FROM payload_output o
JOIN payloads p ON p.id = o.payload_id AND p.attempt = o.attempt
JOIN tasks t ON t.id = p.task_id
WHERE o.lease_epoch > t.lease_epoch

UNION ALL

-- Each try is made under a lease of its own.
SELECT
  'task ' || id,
  'tried ' || attempt || ' times under ' || lease_epoch || ' leases'
FROM tasks
WHERE attempt > lease_epoch
   OR lease_epoch < 0;
