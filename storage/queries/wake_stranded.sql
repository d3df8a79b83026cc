-- Where nothing runs, nobody's end (end_tasks.sql) will wake the tasks that wait for a place. The time that they have waited does
-- not count for their deadline. `remote_path <> ''` is in the predicate of the index tasks_remote_path, which leads to what runs
-- on an instance.
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
      AND r.remote_path <> ''
      AND r.instance_id = t.instance_id
  );
