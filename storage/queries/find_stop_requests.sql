-- Which of the tasks their holders are to stop. A cancel stops a script that runs; a recall only what has not been started.
SELECT id, NOT cancel_requested AS unless_started
FROM tasks
WHERE id = ANY (@task_ids::bigint[])
  AND status = 'RUNNING'
  AND (cancel_requested OR recall_requested);
