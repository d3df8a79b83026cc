-- Tasks of instances: no worker takes them, the api_servers work on them themselves.

-- fragment: waiting_instance_task
-- The predicate of the index tasks_of_instances, without the tasks that workers take after all.
status = 'PENDING'
AND blocked_by IS NULL
AND payload_id IS NULL
AND type <> 'PROVISION_INSTANCE'

-- name: claim_instance_tasks
-- Those that are due longest come first.
UPDATE tasks
SET
  status = 'RUNNING',
  lease_epoch = lease_epoch + 1,
  attempt = attempt + 1,
  worker = @owner,
  lease_until = now() + @lease_milliseconds::bigint * interval '1 millisecond',
  claimed_at = now(),
  updated_at = now()
WHERE id IN (
  SELECT id
  FROM tasks
  WHERE ${waiting_instance_task}
    AND run_at <= now()
  ORDER BY run_at, id
  LIMIT @limit
  FOR UPDATE SKIP LOCKED
)
RETURNING
  id,
  lease_epoch,
  type,
  instance_id,
  failures,
  (extract(epoch FROM now() - created_at) * 1000)::bigint AS age_milliseconds,
  deliver_by < now() AS overdue;

-- name: find_next_instance_task
-- One row in any case: NULL means that no task waits.
SELECT (extract(epoch FROM min(run_at) - now()) * 1000)::bigint AS due_in_milliseconds
FROM tasks
WHERE ${waiting_instance_task};

-- name: lock_held_instance_task
-- No row means that the lease is lost: another api_server has the task, or it has ended.
SELECT id
FROM tasks
WHERE id = @id
  AND lease_epoch = @lease_epoch
  AND status = 'RUNNING'
FOR UPDATE;

-- name: postpone_instance_task
-- A task that is under way, as against one that has failed, begins to count its failures anew.
UPDATE tasks
SET
  status = 'PENDING',
  lease_until = NULL,
  error = @error,
  updated_at = now(),
  run_at = now() + @delay_milliseconds::bigint * interval '1 millisecond',
  failures = CASE WHEN @failed THEN failures + 1 ELSE 0 END
WHERE id = @id;

-- name: end_instance_task
WITH ended AS (SELECT @id::bigint AS task_id, @status::text AS task_status),

${tell_dependents}

UPDATE tasks
SET
  status = @status::text,
  lease_until = NULL,
  error = @error,
  updated_at = now()
WHERE id = @id::bigint;
