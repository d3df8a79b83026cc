-- Where nothing runs, nobody's end (end_tasks.sql) will wake the tasks that wait for a place. The time that they have waited does
-- not count for their deadline. `remote_path <> ''` is in the predicate of the index tasks_remote_path, which leads to what runs
-- on an instance; it is looked into for each task, as a NOT EXISTS would not always be: all that runs would be read.
UPDATE tasks t
SET
  waiting_since = NULL,
  run_at = now(),
  deliver_by = t.deliver_by + (now() - t.waiting_since)
WHERE t.waiting_since IS NOT NULL
  AND (
    SELECT r.id
    FROM tasks r
    WHERE r.status = 'RUNNING'
      AND r.remote_path <> ''
      AND r.instance_id = t.instance_id
    LIMIT 1
  ) IS NULL;
