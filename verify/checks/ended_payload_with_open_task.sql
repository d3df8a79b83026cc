-- invariant 5: a payload that has ended has no task that has not
SELECT
  'payload ' || p.id AS subject,
  p.status || ', its task ' || t.id || ' is ' || t.status AS detail
FROM payloads p
JOIN tasks t ON t.payload_id = p.id AND t.status IN ${open_task_statuses}
WHERE p.status IN ('COMPLETED', 'FAILED', 'CANCELLED');
