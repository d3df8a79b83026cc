-- What is old enough to go, a batch at a time, each kind in a transaction of its own. What somebody else has locked is left for
-- the next batch.

-- name: begin_pruning
-- One transaction at a time prunes: two could each leave a deployment to the other whose last payloads they take. It gives way to
-- whoever holds a lock, and each statement is planned for its own numbers: a plan for any would read whole tables.
SELECT
  pg_try_advisory_xact_lock(hashtext('longshore prune')) AS is_alone,
  set_config('longshore.pruning', 'on', true) AS pruning,
  set_config('lock_timeout', '2s', true) AS lock_timeout,
  set_config('statement_timeout', '20s', true) AS statement_timeout,
  set_config('plan_cache_mode', 'force_custom_plan', true) AS plan_cache_mode;

-- name: may_prune_audit
SELECT has_table_privilege('audit_events', 'DELETE') AS may_prune_audit;

-- fragment: old_payload
-- Of a payload p: it ended so long ago, nothing of it may still lie on its instance or is under way, no instance shows it as its
-- own, and no webhook is still to hear of its deployment.
p.finished_at < now() - @retain_seconds::bigint * interval '1 second'
AND NOT EXISTS (SELECT FROM run_cleanups c WHERE c.payload_id = p.id)
AND NOT EXISTS (SELECT FROM tasks t WHERE t.payload_id = p.id AND t.status IN ('PENDING', 'RUNNING'))
AND NOT EXISTS (SELECT FROM instances i WHERE i.payload_id = p.id AND i.status <> 'TERMINATED')
AND NOT EXISTS (SELECT FROM webhook_events e WHERE e.deployment_id = p.deployment_id AND e.next_try_at IS NOT NULL)

-- fragment: old_instance_task
-- Of a task t: it is of an instance itself, and ended so long ago.
t.payload_id IS NULL
AND t.status NOT IN ('PENDING', 'RUNNING')
AND t.updated_at < now() - @retain_seconds::bigint * interval '1 second'

-- name: prune_payloads
-- With their tasks and output; an instance that is terminated forgets which was its own.
WITH old AS MATERIALIZED (
  SELECT p.id
  FROM payloads p
  WHERE ${old_payload}
  ORDER BY p.finished_at
  LIMIT @limit
  FOR UPDATE OF p SKIP LOCKED
),
old_tasks AS MATERIALIZED (SELECT t.id FROM tasks t WHERE t.payload_id IN (SELECT id FROM old)),
logs AS (DELETE FROM task_logs l WHERE l.task_id = ANY (ARRAY(SELECT id FROM old_tasks))),
gone_tasks AS (DELETE FROM tasks t WHERE t.id IN (SELECT id FROM old_tasks) RETURNING t.id),
output AS (DELETE FROM payload_output o WHERE o.payload_id IN (SELECT id FROM old)),
freed AS (UPDATE instances i SET payload_id = NULL WHERE i.payload_id IN (SELECT id FROM old)),
gone AS (DELETE FROM payloads p WHERE p.id IN (SELECT id FROM old) RETURNING p.deployment_id)
SELECT
  (SELECT count(*) FROM gone) AS payloads,
  (SELECT count(*) FROM gone_tasks) AS tasks,
  (SELECT coalesce(array_agg(DISTINCT deployment_id), '{}') FROM gone) AS deployment_ids;

-- name: prune_deployments
-- Those whose last payload has gone, in the same transaction, with what webhooks have heard of them.
DELETE FROM deployments d
WHERE d.id = ANY (@ids::bigint[])
  AND NOT EXISTS (SELECT FROM payloads p WHERE p.deployment_id = d.id);

-- name: mark_pruned_deployments
-- The others have lost some.
UPDATE deployments d
SET pruned_at = now()
WHERE d.id = ANY (@ids::bigint[])
  AND d.pruned_at IS NULL;

-- name: prune_instance_tasks
-- Once nothing depends on them any more.
WITH old AS MATERIALIZED (
  SELECT t.id
  FROM tasks t
  WHERE ${old_instance_task}
    AND NOT EXISTS (SELECT FROM tasks d WHERE d.depends_on = t.id)
  ORDER BY t.updated_at
  LIMIT @limit
  FOR UPDATE OF t SKIP LOCKED
),
logs AS (DELETE FROM task_logs l WHERE l.task_id = ANY (ARRAY(SELECT id FROM old)))
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

-- name: lock_unused_scripts
-- Who deploys one holds it (insert_deployment, hold_script), so it is not taken from under them.
SELECT old.sha256
FROM scripts old
WHERE old.created_at < now() - @retain_seconds::bigint * interval '1 second'
  AND NOT EXISTS (SELECT FROM deployments d WHERE d.script_sha256 = old.sha256)
  AND NOT EXISTS (SELECT FROM deployments d WHERE d.check_script_sha256 = old.sha256)
LIMIT @limit
FOR UPDATE OF old SKIP LOCKED;

-- name: prune_scripts
-- Of those that are locked: a statement of its own sees what was deployed before they were.
DELETE FROM scripts s
WHERE s.sha256 = ANY (@sha256s::bytea[])
  AND NOT EXISTS (SELECT FROM deployments d WHERE d.script_sha256 = s.sha256)
  AND NOT EXISTS (SELECT FROM deployments d WHERE d.check_script_sha256 = s.sha256);

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

-- name: count_prunable
-- What would go with payloads, all of it, in the end.
WITH old AS MATERIALIZED (SELECT p.id, p.deployment_id, p.instance_id FROM payloads p WHERE ${old_payload}),
old_tasks AS MATERIALIZED (
  SELECT t.id, t.instance_id
  FROM tasks t
  WHERE t.payload_id IN (SELECT id FROM old)
     OR (${old_instance_task})
),
emptied AS MATERIALIZED (
  SELECT d.id
  FROM deployments d
  WHERE d.id IN (SELECT deployment_id FROM old)
    AND NOT EXISTS (SELECT FROM payloads p WHERE p.deployment_id = d.id AND p.id NOT IN (SELECT id FROM old))
)
SELECT
  (SELECT count(*) FROM old) AS payloads,
  (SELECT count(*) FROM old_tasks) AS tasks,
  (SELECT count(*) FROM emptied) AS deployments,
  (
    SELECT count(*)
    FROM instances i
    WHERE i.status = 'TERMINATED'
      AND i.updated_at < now() - @retain_seconds::bigint * interval '1 second'
      AND NOT EXISTS (SELECT FROM payloads p WHERE p.instance_id = i.id AND p.id NOT IN (SELECT id FROM old))
      AND NOT EXISTS (SELECT FROM tasks t WHERE t.instance_id = i.id AND t.id NOT IN (SELECT id FROM old_tasks))
      AND NOT EXISTS (SELECT FROM run_cleanups c WHERE c.instance_id = i.id)
  ) AS instances,
  (
    SELECT count(*)
    FROM scripts s
    WHERE s.created_at < now() - @retain_seconds::bigint * interval '1 second'
      AND NOT EXISTS (
        SELECT FROM deployments d WHERE d.script_sha256 = s.sha256 AND d.id NOT IN (SELECT id FROM emptied)
      )
      AND NOT EXISTS (
        SELECT FROM deployments d WHERE d.check_script_sha256 = s.sha256 AND d.id NOT IN (SELECT id FROM emptied)
      )
  ) AS scripts,
  (
    SELECT count(*) FROM workers w WHERE w.seen_at < now() - @retain_seconds::bigint * interval '1 second'
  ) AS workers;

-- name: count_old_request_ids
SELECT count(*) AS request_ids
FROM request_ids r
WHERE r.created_at < now() - @retain_seconds::bigint * interval '1 second';

-- name: count_old_audit_events
SELECT count(*) AS audit_events
FROM audit_events a
WHERE a.at < now() - @retain_seconds::bigint * interval '1 second';
