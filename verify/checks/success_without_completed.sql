-- invariant 3: exit status 0 means COMPLETED
SELECT
  'payload ' || id AS subject,
  status || ' ' || failure_reason || ' with exit status 0' AS detail
FROM payloads
WHERE exit_code = 0
  AND status <> 'COMPLETED';
