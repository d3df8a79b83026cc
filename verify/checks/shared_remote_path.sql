-- invariant 2: a remote_path has one payload at a time
-- No two scripts run from one path.
SELECT
  'instance ' || instance_id AS subject,
  count(*) || ' payloads are EXECUTING at ' || remote_path AS detail
FROM payloads
WHERE status = 'EXECUTING'
GROUP BY instance_id, remote_path
HAVING count(*) > 1

UNION ALL

-- No two tasks deliver to one path. A task of the instance itself has no path.
SELECT
  'instance ' || instance_id,
  count(*) || ' tasks are RUNNING at ' || remote_path
FROM tasks
WHERE status = 'RUNNING'
  AND remote_path <> ''
GROUP BY instance_id, remote_path
HAVING count(*) > 1;
