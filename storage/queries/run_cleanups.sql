-- Run directories that are to be removed from instances.

-- name: give_up_run_cleanups
-- A run directory is not chased for longer than a week: its instance is taken to be gone.
DELETE FROM run_cleanups c
WHERE c.created_at < now() - interval '7 days'
   OR (SELECT i.status FROM instances i WHERE i.id = c.instance_id) = 'TERMINATED';

-- name: claim_run_cleanups
-- Of the projects and the pool that @workers take. The first of them is asked to remove the directory that is due longest, and so
-- on. It is asked again later, and then less and less often, unless it says that the directory is gone.
WITH due AS MATERIALIZED (
  SELECT payload_id, attempt, row_number() OVER () AS number
  FROM (
    SELECT c.payload_id, c.attempt
    FROM run_cleanups c
    JOIN instances i ON i.id = c.instance_id
    WHERE c.run_at <= now()
      AND i.pool = @pool
      AND ${in_scope}
    ORDER BY c.run_at
    LIMIT cardinality(@workers::text[])
    FOR UPDATE OF c SKIP LOCKED
  ) AS d
)
UPDATE run_cleanups c
SET
  failures = c.failures + 1,
  worker = (@workers::text[])[due.number],
  run_at = now() + least(power(2, least(c.failures, 8)) * 20, 3600) * interval '1 second'
FROM due, instances i, payloads p
WHERE i.id = c.instance_id
  AND p.id = c.payload_id
  AND c.payload_id = due.payload_id
  AND c.attempt = due.attempt
RETURNING
  c.payload_id,
  c.attempt,
  c.instance_id,
  c.worker,
  c.failures,
  p.remote_path,
  -- A run that an api_server of 0.1.0 began has no id; it goes by its numbers.
  coalesce(nullif(c.run_id, ''), c.payload_id || '.' || c.attempt) AS run,
  i.address,
  i.port,
  i.ssh_user,
  i.host_key,
  i.project,
  i.become,
  i.jump;

-- name: delete_run_cleanups
-- Only who held the task, or was asked to remove the directory in the try that @lease_epochs counts, is believed that it is gone.
DELETE FROM run_cleanups c
USING unnest(
  @payload_ids::bigint[],
  @attempts::bigint[],
  @task_ids::bigint[],
  @lease_epochs::bigint[],
  @workers::text[]
) AS cleaned(payload_id, attempt, task_id, lease_epoch, worker)
WHERE c.payload_id = cleaned.payload_id
  AND c.attempt = cleaned.attempt
  AND CASE cleaned.task_id
    WHEN 0 THEN c.worker = cleaned.worker AND c.failures = cleaned.lease_epoch
    ELSE EXISTS (
      SELECT 1
      FROM tasks t
      WHERE t.id = cleaned.task_id
        AND t.payload_id = cleaned.payload_id
        AND t.lease_epoch = cleaned.lease_epoch
        AND t.worker = cleaned.worker
    )
  END;
