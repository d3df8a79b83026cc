-- invariant 9: no more run on an instance than may
SELECT
  'instance ' || instance_id AS subject,
  count(*) || ' tasks are RUNNING' AS detail
FROM tasks
WHERE status = 'RUNNING'
  -- The limit is for payloads, not for tasks of the instance itself.
  AND payload_id IS NOT NULL
GROUP BY instance_id
HAVING count(*) > @max_running_per_instance::bigint;
