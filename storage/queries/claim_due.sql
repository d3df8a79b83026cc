-- How work is chosen. A claim takes tasks that are due, judges each, and in the same statement claims those that can run, parks
-- those that have to wait for a place, and postpones those whose instance is not READY. The caller holds the capacity lock
-- (lock_capacity.sql), so that no two claims count the same place, and ends what is refused.
--
-- claim_due takes the longest due tasks of each flow (one deployment of one project, in one pool), as many as its share, so
-- that flows take turns; apart from @set_aside, which the database has refused before. claim_tasks takes those of the given
-- tasks that are due. Everything after `due` is the same for both.
--
-- @workers: who gets the first claimed task, the second and so on; no more tasks are taken than there are names.
-- @lease_milliseconds: how long a lease lasts, by the database's clock.
-- @max_running_per_instance: how many tasks run on one instance together.
-- @readiness_milliseconds: when a task looks again whether its instance is READY.

-- fragment: longest_due_of_flow
-- Of the tasks t: the longest due ones of a flow, as many as its share.
WHERE ${due_task}
  AND t.pool = flow.pool
  AND t.project = flow.project
  AND t.deployment_id = flow.deployment_id
  AND t.id <> ALL (@set_aside::bigint[])
ORDER BY t.run_at, t.id
LIMIT flow.share

-- fragment: judge_and_claim
-- How many tasks of payloads already run on the instances in question. `remote_path <> ''` is in the predicate of the index
-- tasks_remote_path, which has just those.
running AS (
  SELECT instance_id, count(*) AS tasks
  FROM tasks
  WHERE status = 'RUNNING'
    AND remote_path <> ''
    AND instance_id IN (SELECT instance_id FROM due)
  GROUP BY instance_id
),

-- Whether a script runs, or may run (its last holder gave the word to start and nobody knows the answer).
known AS (
  SELECT d.*, d.maybe_started OR p.status = 'EXECUTING' AS started
  FROM due d
  JOIN payloads p ON p.id = d.payload_id
),

-- What speaks for and against each task. A script that runs comes first, for its place as for its path: others wait for it. On an
-- instance that is going away it is attached to all the same, to be stopped.
weighed AS (
  SELECT
    d.*,
    CASE WHEN i.terminating AND NOT d.started THEN 'TERMINATED' ELSE i.status END AS instance_status,
    -- The place that it would take among all that run on its instance.
    row_number() OVER (PARTITION BY d.instance_id ORDER BY d.started DESC, d.id) + coalesce(r.tasks, 0) AS place,
    -- Its turn among the due tasks that want the same remote_path.
    row_number() OVER (PARTITION BY d.instance_id, d.remote_path ORDER BY d.started DESC, d.id) AS turn,
    -- A path is busy while a task holds it, while a script runs from it whose task has no holder just now, and while one may run.
    -- The indexes hold the hash of a path.
    EXISTS (
      SELECT 1
      FROM tasks holder
      WHERE holder.status = 'RUNNING'
        AND holder.remote_path <> ''
        AND holder.instance_id = d.instance_id
        AND path_hash(holder.remote_path) = path_hash(d.remote_path)
        AND holder.remote_path = d.remote_path
    )
    OR EXISTS (
      SELECT 1
      FROM payloads executing
      WHERE executing.status = 'EXECUTING'
        AND executing.instance_id = d.instance_id
        AND path_hash(executing.remote_path) = path_hash(d.remote_path)
        AND executing.remote_path = d.remote_path
        AND executing.id <> d.payload_id
    )
    OR EXISTS (
      SELECT 1
      FROM tasks in_doubt
      WHERE in_doubt.maybe_started
        AND in_doubt.status = 'PENDING'
        AND in_doubt.instance_id = d.instance_id
        AND path_hash(in_doubt.remote_path) = path_hash(d.remote_path)
        AND in_doubt.remote_path = d.remote_path
        AND in_doubt.id <> d.id
    ) AS path_busy,
    -- Its rollout is being stopped.
    EXISTS (
      SELECT 1
      FROM deployments stopping
      WHERE stopping.id = d.deployment_id
        AND stopping.rollout_state = 'STOPPING'
    ) AS recall
  FROM known d
  JOIN instances i ON i.id = d.instance_id
  LEFT JOIN running r ON r.instance_id = d.instance_id
),

-- The verdict; the first reason counts.
judged AS (
  SELECT
    *,
    CASE
      WHEN recall AND NOT started THEN 'STOPPED'
      WHEN instance_status = 'TERMINATED' THEN 'TERMINATED'
      WHEN instance_status = 'FAILED' THEN 'FAILED'
      WHEN instance_status <> 'READY' THEN 'UNREADY'
      WHEN path_busy OR turn > 1 OR place > @max_running_per_instance::integer THEN 'WAIT'
      ELSE 'RUN'
    END AS verdict
  FROM weighed
),

-- Which of @workers each task goes to, if it is to run.
numbered AS (
  SELECT *, row_number() OVER (PARTITION BY verdict ORDER BY id) AS number
  FROM judged
),

-- A parked task is woken by the end of another on its instance.
parked AS (
  UPDATE tasks t
  SET waiting_since = now()
  FROM judged j
  WHERE t.id = j.id
    AND j.verdict = 'WAIT'
),

postponed AS (
  UPDATE tasks t
  SET
    run_at = retry.run_at,
    error = 'the instance is ' || retry.instance_status,
    gated = ${leaves_its_place}
  FROM (
    SELECT id, instance_status, now() + @readiness_milliseconds::bigint * interval '1 millisecond' AS run_at
    FROM judged
    WHERE verdict = 'UNREADY'
  ) AS retry
  WHERE t.id = retry.id
),

-- A higher lease_epoch than any before fences out whoever held the task before.
claimed AS (
  UPDATE tasks t
  SET
    status = 'RUNNING',
    lease_epoch = t.lease_epoch + 1,
    attempt = t.attempt + 1,
    worker = (@workers::text[])[n.number],
    lease_until = now() + @lease_milliseconds::bigint * interval '1 millisecond',
    claimed_at = now(),
    updated_at = now()
  FROM numbered n
  WHERE t.id = n.id
    AND n.verdict = 'RUN'
  RETURNING t.id, t.lease_epoch, t.worker, t.type, t.cancel_requested, t.failures, t.traceparent
)

-- All that a worker has to know of a task that it gets; of the others, what they are and why they were not claimed.
SELECT
  j.id,
  j.verdict,
  j.recall,
  j.payload_id,
  j.instance_id,
  c.worker,
  c.lease_epoch,
  c.type,
  c.cancel_requested,
  c.failures,
  c.traceparent,
  i.address,
  i.port,
  i.ssh_user,
  i.host_key,
  i.project,
  i.become,
  i.jump,
  d.script_sha256,
  d.script_bytes,
  p.attempt,
  p.remote_path,
  p.execute_payload,
  p.timeout,
  p.output_bytes,
  p.status AS payload_status,
  -- A run that an api_server of 0.1.0 began has no id; it goes by its numbers.
  coalesce(nullif(p.run_id, ''), p.id || '.' || p.attempt) AS run
FROM judged j
JOIN payloads p ON p.id = j.payload_id
JOIN deployments d ON d.id = p.deployment_id
JOIN instances i ON i.id = j.instance_id
LEFT JOIN claimed c ON c.id = j.id
ORDER BY j.id

-- name: claim_due
WITH due AS MATERIALIZED (
  SELECT t.id, t.instance_id, t.payload_id, t.deployment_id, t.remote_path, t.maybe_started
  FROM
    unnest(@pools::text[], @projects::text[], @deployment_ids::bigint[], @shares::bigint[])
    AS flow(pool, project, deployment_id, share),
    LATERAL (
      SELECT *
      FROM tasks t
      ${longest_due_of_flow}
      FOR UPDATE SKIP LOCKED
    ) AS t
  LIMIT cardinality(@workers::text[])
),
${judge_and_claim};

-- name: claim_tasks
WITH due AS MATERIALIZED (
  SELECT t.id, t.instance_id, t.payload_id, t.deployment_id, t.remote_path, t.maybe_started
  FROM tasks t
  WHERE ${due_task}
    AND t.id = ANY (@task_ids::bigint[])
  ORDER BY t.id
  LIMIT cardinality(@workers::text[])
  FOR UPDATE SKIP LOCKED
),
${judge_and_claim};

-- name: find_due
-- The tasks that claim_due would take, without taking them: what is tried one by one when a claim of all is refused.
SELECT t.id
FROM
  unnest(@pools::text[], @projects::text[], @deployment_ids::bigint[], @shares::bigint[])
    AS flow(pool, project, deployment_id, share),
  LATERAL (
    SELECT t.id
    FROM tasks t
    ${longest_due_of_flow}
  ) AS t;
