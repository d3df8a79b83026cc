-- New tasks of payloads. Those of a rollout with a gate begin behind it; open_gates lets them through.

-- fragment: insert_new_tasks
-- Of `new`.
INSERT INTO tasks (
  type,
  deliver_by,
  id,
  payload_id,
  instance_id,
  remote_path,
  depends_on,
  blocked_by,
  deployment_id,
  gated,
  project,
  pool,
  wave,
  traceparent
)
SELECT
  @type,
  now() + @delivery_timeout_seconds::bigint * interval '1 second',
  new.task_id,
  new.payload_id,
  new.instance_id,
  new.remote_path,
  new.depends_on,
  new.depends_on,
  d.id,
  coalesce(${has_gate}, false),
  i.project,
  i.pool,
  new.wave,
  @traceparent
FROM new
JOIN instances i ON i.id = new.instance_id
LEFT JOIN deployments d ON d.id = new.deployment_id

-- name: insert_tasks
-- Of payloads that are there.
WITH new AS (
  SELECT told.*, p.deployment_id, coalesce(p.wave, 0) AS wave
  FROM unnest(
    @task_ids::bigint[],
    @payload_ids::bigint[],
    @instance_ids::bigint[],
    @remote_paths::text[],
    @depends_on::bigint[]
  ) AS told(task_id, payload_id, instance_id, remote_path, depends_on)
  LEFT JOIN payloads p ON p.id = told.payload_id
)
${insert_new_tasks};

-- fragment: insert_new_payloads
-- Of `new`.
INSERT INTO payloads AS p (deployment_id, execute_payload, timeout, id, instance_id, remote_path, task_id, run_id, wave)
SELECT
  @deployment_id::bigint,
  @execute_payload::boolean,
  @timeout::integer,
  new.payload_id,
  new.instance_id,
  new.remote_path,
  new.task_id,
  new.run_id,
  new.wave
FROM new
RETURNING p.id, p.deployment_id, p.instance_id, p.task_id, p.attempt, ${project_of_payload}

-- name: insert_payloads
-- The payloads of one deployment, one for each index of the arrays.
WITH new AS (
  SELECT *
  FROM unnest(
    @payload_ids::bigint[],
    @instance_ids::bigint[],
    @remote_paths::text[],
    @task_ids::bigint[],
    @run_ids::text[],
    @waves::integer[]
  ) AS told(payload_id, instance_id, remote_path, task_id, run_id, wave)
)
${insert_new_payloads};

-- name: insert_payloads_and_tasks
-- The same, and the first task of each: one statement less for a few. Ten thousand take an eighth longer than by two.
WITH new AS MATERIALIZED (
  SELECT *, @deployment_id::bigint AS deployment_id
  FROM unnest(
    @payload_ids::bigint[],
    @instance_ids::bigint[],
    @remote_paths::text[],
    @task_ids::bigint[],
    @depends_on::bigint[],
    @run_ids::text[],
    @waves::integer[]
  ) AS told(payload_id, instance_id, remote_path, task_id, depends_on, run_id, wave)
),

tasks_of_new AS (
  ${insert_new_tasks}
)

${insert_new_payloads};
