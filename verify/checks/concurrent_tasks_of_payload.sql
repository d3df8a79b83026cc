-- invariant 2: one task at a time works on a payload
SELECT
  'payload ' || payload_id AS subject,
  count(*) || ' tasks are RUNNING' AS detail
FROM tasks
WHERE status = 'RUNNING'
  AND payload_id IS NOT NULL
GROUP BY payload_id
HAVING count(*) > 1;
