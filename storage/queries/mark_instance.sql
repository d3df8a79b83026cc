-- The life of an instance.

-- name: mark_instance_created
-- An instance with a task to provision it is READY only when that task has completed.
UPDATE instances
SET
  status = CASE
    -- Among its own tasks: there may be as many to provision instances as there are instances.
    WHEN 'PROVISION_INSTANCE' = ANY (
      ARRAY(SELECT type FROM tasks WHERE instance_id = @id)
    ) THEN 'CREATED'
    ELSE 'READY'
  END,
  address = @address,
  port = @port,
  ssh_user = @ssh_user,
  host_key = @host_key,
  updated_at = now()
WHERE id = @id;

-- name: mark_instance_ready
UPDATE instances
SET
  status = 'READY',
  updated_at = now()
WHERE id = @id;

-- name: mark_instance_failed
UPDATE instances
SET
  status = 'FAILED',
  status_error = @error,
  updated_at = now()
WHERE id = @id;

-- name: mark_instance_terminating
UPDATE instances
SET
  terminating = true,
  updated_at = now()
WHERE id = @id;

-- name: mark_instance_terminated
UPDATE instances
SET
  status = 'TERMINATED',
  updated_at = now()
WHERE id = @id;
