-- invariant 10: no private key is in an error or a log
-- Every text that a user is shown and that may quote what a program said.
SELECT
  'payload ' || id AS subject,
  'a private key in its error' AS detail
FROM payloads
WHERE error LIKE '%PRIVATE KEY-----%'

UNION ALL

SELECT
  'task ' || id,
  'a private key in its error'
FROM tasks
WHERE error LIKE '%PRIVATE KEY-----%'

UNION ALL

SELECT
  'instance ' || id,
  'a private key in its status_error'
FROM instances
WHERE status_error LIKE '%PRIVATE KEY-----%'

UNION ALL

SELECT
  'task ' || task_id,
  'a private key in its log'
FROM task_logs
WHERE log LIKE '%PRIVATE KEY-----%';
