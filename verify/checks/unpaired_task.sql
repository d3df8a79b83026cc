-- invariant 6: payload and task belong together
-- A payload's task exists, names that payload, and goes to the same instance.
SELECT
  'payload ' || p.id AS subject,
  'its task ' || p.task_id || ' '
    || CASE
      WHEN t.id IS NULL THEN 'does not exist'
      ELSE 'is of payload ' || coalesce(t.payload_id::text, 'none') || ' on instance ' || t.instance_id
    END AS detail
FROM payloads p
LEFT JOIN tasks t ON t.id = p.task_id
WHERE t.id IS NULL
   OR t.payload_id IS DISTINCT FROM p.id
   OR t.instance_id <> p.instance_id

UNION ALL

-- No two payloads have the same task.
SELECT
  'task ' || task_id,
  'belongs to ' || count(*) || ' payloads'
FROM payloads
GROUP BY task_id
HAVING count(*) > 1;
