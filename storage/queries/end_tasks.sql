-- How tasks end, and their payloads with them. The caller has locked the tasks, and holds the capacity lock.

-- fragment: end_tasks
-- Of `told`, with what becomes of each task and its payload.
--
-- A transfer that was cancelled with what waited for it may end when its payload has already been tried again. Then it ends
-- alone: it is neither the payload's task nor what that one depends on.
ended AS MATERIALIZED (
  SELECT
    told.*,
    EXISTS (
      SELECT
      FROM payloads p
      JOIN tasks present ON present.id = p.task_id
      WHERE p.id = told.payload_id
        AND told.task_id IN (present.id, present.depends_on)
    ) AS of_attempt
  FROM told
),

-- Never an ended one again. The row knows how much was printed, also when the server makes the end by itself.
ended_payloads AS (
  UPDATE payloads p
  SET
    status = ended.status,
    failure_reason = ended.failure_reason,
    error = ended.error,
    executed = p.executed OR ended.executed,
    exit_code = ended.exit_code,
    execution_time_us = ended.execution_time_us,
    output_bytes = greatest(p.output_bytes, ended.output_bytes),
    output_truncated =
      ended.output_missing OR greatest(p.output_bytes, ended.output_bytes) > @max_output_bytes::bigint,
    transferred_at = CASE WHEN ended.executed THEN coalesce(p.transferred_at, now()) ELSE p.transferred_at END,
    started_at = CASE WHEN ended.executed THEN coalesce(p.started_at, now()) ELSE p.started_at END,
    finished_at = now(),
    updated_at = now()
  FROM ended
  WHERE ended.ends_payload
    AND ended.of_attempt
    AND p.id = ended.payload_id
    AND ${open_payload}
  RETURNING
    p.id,
    p.deployment_id,
    p.instance_id,
    p.task_id,
    p.attempt,
    p.status,
    p.failure_reason,
    p.exit_code,
    p.execution_time_us,
    ${project_of_payload},
    ${task_of_payload},
    -- The stored output has to be cut to head and tail.
    p.output_bytes > @max_output_bytes::bigint AS cut
),

ended_tasks AS (
  UPDATE tasks t
  SET
    status = ended.task_status,
    error = ended.error,
    lease_until = NULL,
    blocked_by = NULL,
    waiting_since = NULL,
    gated = false,
    updated_at = now()
  FROM ended
  WHERE t.id = ended.task_id
    AND ${open_task}
),

${tell_dependents},

-- Places have become free on the instances: the longest waiting tasks of each are due, as many as could possibly run. The time
-- that they have waited does not count for their deadline. One that somebody else has locked is about to end, or is found by
-- wake_stranded.
woken AS (
  UPDATE tasks t
  SET
    waiting_since = NULL,
    run_at = now(),
    deliver_by = t.deliver_by + (now() - t.waiting_since)
  FROM
    (SELECT DISTINCT instance_id AS id FROM ended) AS i,
    LATERAL (
      SELECT w.id
      FROM tasks w
      WHERE w.instance_id = i.id
        AND w.waiting_since IS NOT NULL
        AND w.id NOT IN (SELECT task_id FROM ended)
      ORDER BY w.waiting_since, w.id
      LIMIT 8
      FOR UPDATE SKIP LOCKED
    ) AS next
  WHERE t.id = next.id
  RETURNING t.id
),

-- What is to be removed from the instances; without a host key nobody has ever sent anything to one. The worker that ran a
-- payload cleans up right after the acknowledgement; the delay is for when it cannot.
remembered AS (
  INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_id, run_at)
  SELECT p.id, p.attempt, p.instance_id, p.run_id, now() + interval '20 seconds'
  FROM ended
  JOIN payloads p ON p.id = ended.payload_id
  JOIN instances i ON i.id = p.instance_id AND i.host_key <> ''
  WHERE ended.of_attempt
    AND (
      ended.leftovers = 'run'
      OR (
        ended.leftovers = 'upload'
        AND EXISTS (
          SELECT 1
          FROM tasks t
          WHERE t.payload_id = p.id
            AND (t.lease_epoch > 1 OR t.failures > 0)
        )
      )
    )
  ON CONFLICT DO NOTHING
)

SELECT p.*, after.freed, after.has_webhooks, after.payloads_of_ended
FROM
  (
    SELECT
      -- Something may be due now that was not before.
      EXISTS (SELECT 1 FROM released)
      OR EXISTS (SELECT 1 FROM woken)
      OR EXISTS (
        SELECT 1
        FROM ended
        JOIN payloads p ON p.id = ended.payload_id
        JOIN deployments d ON d.id = p.deployment_id
        WHERE d.rollout_state IN ('OPEN', 'STOPPING')
      )
      OR EXISTS (
        SELECT 1
        FROM ended
        JOIN payloads p ON p.id = ended.payload_id
        JOIN deployments checked ON checked.check_deployment_id = p.deployment_id
        WHERE checked.rollout_state = 'OPEN'
          AND checked.wave_state = 'CHECKING'
      )
      OR EXISTS (SELECT 1 FROM ended JOIN instances i ON i.id = ended.instance_id WHERE i.terminating) AS freed,
      -- Somebody may want to hear of a deployment that has ended with these.
      EXISTS (SELECT 1 FROM webhooks) AS has_webhooks,
      (SELECT array_agg(payload_id) FROM ended) AS payloads_of_ended
  ) AS after
LEFT JOIN ended_payloads p ON true

-- name: end_tasks
-- @ends_payload: the payload is over too; one that was only delivered stays open.
-- @leftovers: what is left on the instance: 'run' (a run directory), 'upload' (a temporary file, if a try broke off) or ''.
WITH told AS (
  SELECT *
  FROM unnest(
    @task_ids::bigint[],
    @task_statuses::text[],
    @payload_ids::bigint[],
    @instance_ids::bigint[],
    @ends_payload::boolean[],
    @statuses::text[],
    @failure_reasons::text[],
    @errors::text[],
    @executed::boolean[],
    @exit_codes::integer[],
    @execution_times_us::bigint[],
    @output_bytes::bigint[],
    @output_missing::boolean[],
    @leftovers::text[]
  ) AS told(
    task_id, task_status, payload_id, instance_id, ends_payload, status, failure_reason, error, executed, exit_code,
    execution_time_us, output_bytes, output_missing, leftovers
  )
),

${end_tasks};

-- name: complete_held_runs
-- Scripts that ran and have ended with exit code 0, of tasks that their workers hold. No output is to be cut,
-- and no webhook to be told, unless the caller sees to that: @webhooks_are_told. The caller has locked the tasks by hold_tasks.
WITH told AS (
  SELECT
    t.id AS task_id,
    'COMPLETED' AS task_status,
    t.payload_id,
    t.instance_id,
    true AS ends_payload,
    'COMPLETED' AS status,
    '' AS failure_reason,
    '' AS error,
    true AS executed,
    0 AS exit_code,
    told.execution_time_us,
    told.output_bytes,
    told.output_missing,
    CASE WHEN told.run_directory THEN 'run' ELSE '' END AS leftovers
  FROM unnest(
    @task_ids::bigint[],
    @lease_epochs::bigint[],
    @workers::text[],
    @execution_times_us::bigint[],
    @output_bytes::bigint[],
    @output_missing::boolean[],
    @run_directories::boolean[]
  ) AS told(task_id, lease_epoch, worker, execution_time_us, output_bytes, output_missing, run_directory)
  JOIN tasks t ON ${held_as_told}
  JOIN payloads p ON p.id = t.payload_id
  WHERE ${runs}
    AND greatest(p.output_bytes, told.output_bytes) <= @max_output_bytes::bigint
    AND (@webhooks_are_told::boolean OR NOT EXISTS (SELECT 1 FROM webhooks))
),

${end_tasks};
