-- How many tasks have not ended, by type and status.
SELECT
  lower(type) AS type,
  lower(status) AS status,
  count(*) AS tasks
FROM tasks
WHERE status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')
GROUP BY tasks.type, tasks.status;
