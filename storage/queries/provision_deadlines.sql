-- A task that provisions an instance is given up when its time limit is over.

-- name: find_overdue_provision_tasks
SELECT id
FROM tasks
WHERE status = 'PENDING'
  AND blocked_by IS NULL
  AND type = 'PROVISION_INSTANCE'
  AND deliver_by < now()
ORDER BY id
LIMIT @limit
FOR UPDATE SKIP LOCKED;

-- name: is_provision_task_in_time
SELECT now() < deliver_by AS in_time
FROM tasks
WHERE id = @id;
