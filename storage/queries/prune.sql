-- What is old enough to go. Each statement takes a batch; what somebody else has locked is left for the next one.

-- name: begin_pruning
-- One transaction at a time prunes: two could each leave a deployment to the other whose last payloads they take.
SELECT
  pg_try_advisory_xact_lock(hashtext('longshore prune')) AS is_alone,
  has_table_privilege('audit_events', 'DELETE') AS may_prune_audit,
  set_config('longshore.pruning', 'on', true);

-- name: prune_payloads
-- Payloads that ended so long ago, with their tasks and output. Not while something of them may still lie on their instance or is
-- under way, and not the one that an instance shows as its own.
WITH old AS MATERIALIZED (
  SELECT p.id
  FROM payloads p
  WHERE p.finished_at < now() - @retain_seconds::bigint * interval '1 second'
    AND NOT EXISTS (SELECT FROM run_cleanups c WHERE c.payload_id = p.id)
    AND NOT EXISTS (SELECT FROM tasks t WHERE t.payload_id = p.id AND t.status IN ('PENDING', 'RUNNING'))
    AND NOT EXISTS (SELECT FROM instances i WHERE i.payload_id = p.id AND i.status <> 'TERMINATED')
  ORDER BY p.finished_at
  LIMIT @limit
  FOR UPDATE OF p SKIP LOCKED
),
old_tasks AS MATERIALIZED (SELECT t.id FROM tasks t WHERE t.payload_id IN (SELECT id FROM old)),
logs AS (DELETE FROM task_logs l WHERE l.task_id IN (SELECT id FROM old_tasks)),
gone_tasks AS (DELETE FROM tasks t WHERE t.id IN (SELECT id FROM old_tasks) RETURNING t.id),
output AS (DELETE FROM payload_output o WHERE o.payload_id IN (SELECT id FROM old)),
freed AS (UPDATE instances i SET payload_id = NULL WHERE i.payload_id IN (SELECT id FROM old)),
gone AS (DELETE FROM payloads p WHERE p.id IN (SELECT id FROM old) RETURNING p.deployment_id)
SELECT
  (SELECT count(*) FROM gone) AS payloads,
  (SELECT count(*) FROM gone_tasks) AS tasks,
  (SELECT coalesce(array_agg(DISTINCT deployment_id), '{}') FROM gone)::text[] AS deployment_ids;

-- name: prune_deployments
-- Those whose last payload has gone, in the same transaction.
DELETE FROM deployments d
WHERE d.id = ANY (@ids::bigint[])
  AND NOT EXISTS (SELECT FROM payloads p WHERE p.deployment_id = d.id);

-- name: prune_instance_tasks
-- Tasks of instances themselves that ended so long ago, and that nothing depends on any more.
WITH old AS MATERIALIZED (
  SELECT t.id
  FROM tasks t
  WHERE t.payload_id IS NULL
    AND t.status NOT IN ('PENDING', 'RUNNING')
    AND t.updated_at < now() - @retain_seconds::bigint * interval '1 second'
    AND NOT EXISTS (SELECT FROM tasks d WHERE d.depends_on = t.id)
  ORDER BY t.updated_at
  LIMIT @limit
  FOR UPDATE OF t SKIP LOCKED
),
logs AS (DELETE FROM task_logs l WHERE l.task_id IN (SELECT id FROM old))
DELETE FROM tasks t
WHERE t.id IN (SELECT id FROM old);

-- name: prune_instances
-- Instances that were terminated so long ago, once nothing of them is left.
DELETE FROM instances i
WHERE i.id IN (
  SELECT old.id
  FROM instances old
  WHERE old.status = 'TERMINATED'
    AND old.updated_at < now() - @retain_seconds::bigint * interval '1 second'
    AND NOT EXISTS (SELECT FROM payloads p WHERE p.instance_id = old.id)
    AND NOT EXISTS (SELECT FROM tasks t WHERE t.instance_id = old.id)
    AND NOT EXISTS (SELECT FROM run_cleanups c WHERE c.instance_id = old.id)
  LIMIT @limit
  FOR UPDATE OF old SKIP LOCKED
);

-- name: prune_scripts
-- Scripts that no deployment has. Who deploys one holds it (hold_script), so it is not taken from under them.
DELETE FROM scripts s
WHERE s.sha256 IN (
  SELECT old.sha256
  FROM scripts old
  WHERE old.created_at < now() - @retain_seconds::bigint * interval '1 second'
    AND NOT EXISTS (SELECT FROM deployments d WHERE d.script_sha256 = old.sha256)
  LIMIT @limit
  FOR UPDATE OF old SKIP LOCKED
);

-- name: prune_workers
DELETE FROM workers w
WHERE w.seen_at < now() - @retain_seconds::bigint * interval '1 second';

-- name: prune_request_ids
DELETE FROM request_ids r
WHERE (r.token_id, r.method, r.request_id) IN (
  SELECT old.token_id, old.method, old.request_id
  FROM request_ids old
  WHERE old.created_at < now() - @retain_seconds::bigint * interval '1 second'
  ORDER BY old.created_at
  LIMIT @limit
  FOR UPDATE OF old SKIP LOCKED
);

-- name: prune_audit
DELETE FROM audit_events a
WHERE a.id IN (
  SELECT old.id
  FROM audit_events old
  WHERE old.at < now() - @retain_seconds::bigint * interval '1 second'
  ORDER BY old.at
  LIMIT @limit
);
