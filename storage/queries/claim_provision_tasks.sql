-- Claims due tasks that provision instances for one worker, of the projects and the pool that it takes, and tells all that it
-- needs to know of these instances.
WITH due AS MATERIALIZED (
  -- Which tasks are taken: those that are due longest. This is the predicate of the index tasks_provisioning.
  SELECT id, instance_id
  FROM tasks
  WHERE status = 'PENDING'
    AND blocked_by IS NULL
    AND type = 'PROVISION_INSTANCE'
    AND run_at <= now()
    AND pool = @pool
    AND (@every_project::boolean OR project = ANY (@scope::text[]))
  ORDER BY run_at, id
  LIMIT @limit
  FOR UPDATE SKIP LOCKED
),
marked AS (
  -- Their instances are being provisioned from the first try on.
  UPDATE instances
  SET
    status = 'PROVISIONING',
    updated_at = now()
  WHERE id IN (SELECT instance_id FROM due)
    AND status = 'CREATED'
),
claimed AS (
  -- The worker has them until the lease ends, under a new epoch.
  UPDATE tasks t
  SET
    status = 'RUNNING',
    lease_epoch = t.lease_epoch + 1,
    attempt = t.attempt + 1,
    worker = @worker,
    claimed_at = now(),
    updated_at = now(),
    lease_until = now() + @lease_milliseconds::bigint * interval '1 millisecond'
  FROM due
  WHERE t.id = due.id
  RETURNING t.id, t.lease_epoch, t.cancel_requested, t.instance_id
)
SELECT
  claimed.id,
  claimed.lease_epoch,
  claimed.cancel_requested,
  claimed.instance_id,
  i.address,
  i.port,
  i.ssh_user,
  i.host_key,
  i.project,
  i.become,
  i.jump,
  i.name,
  i.tags
FROM claimed
JOIN instances i ON i.id = claimed.instance_id
ORDER BY claimed.id;
