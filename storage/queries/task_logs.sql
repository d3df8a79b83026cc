-- What tasks that provision instances did, for people to read.

-- name: append_task_log
-- Of the logs of all tries together, the last @kept_characters are kept.
INSERT INTO task_logs AS l (task_id, log)
VALUES (@task_id, right(@log, @kept_characters::integer))
ON CONFLICT (task_id) DO UPDATE
SET
  log = right(l.log || @log, @kept_characters::integer),
  updated_at = now();

-- name: get_task_log
SELECT log
FROM task_logs
WHERE task_id = @task_id;
