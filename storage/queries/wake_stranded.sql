-- Where nothing runs, nobody's end (end_tasks.sql) will wake the tasks that wait for a place. The time that they have waited does
-- not count for their deadline.
UPDATE tasks t
SET
  waiting_since = NULL,
  run_at = now(),
  deliver_by = t.deliver_by + (now() - t.waiting_since)
WHERE t.waiting_since IS NOT NULL
  AND NOT EXISTS (
    SELECT 1
    FROM tasks r
    WHERE r.status = 'RUNNING'
      AND r.instance_id = t.instance_id
  );
