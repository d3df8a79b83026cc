-- When an instance is terminated, its other tasks of this kind are in vain.

-- name: cancel_other_instance_tasks
UPDATE tasks
SET
  status = 'CANCELLED',
  blocked_by = NULL,
  error = 'the instance is terminated',
  updated_at = now()
WHERE instance_id = @instance_id
  AND id <> @id
  AND payload_id IS NULL
  AND status = 'PENDING';

-- name: request_cancel_of_other_instance_tasks
-- A task that somebody holds is not ended over the holder's head: the holder is asked to stop.
UPDATE tasks
SET
  cancel_requested = true,
  updated_at = now()
WHERE instance_id = @instance_id
  AND id <> @id
  AND payload_id IS NULL
  AND status = 'RUNNING'
RETURNING id;
