-- Scripts run.

-- fragment: start_runs
-- Of `run`, payloads and where each script was found or put, if that is known, otherwise ''; and of `unended`, those of their
-- tasks that have not ended yet: their deadlines are set.
started AS (
  UPDATE payloads p
  SET
    status = 'EXECUTING',
    copied = true,
    executed = true,
    remote_path = coalesce(nullif(run.remote_path, ''), p.remote_path),
    transferred_at = coalesce(p.transferred_at, now()),
    started_at = now(),
    updated_at = now()
  FROM run
  WHERE p.id = run.payload_id
    AND ${open_payload}
    AND p.status <> 'EXECUTING'
  RETURNING
    p.id,
    p.deployment_id,
    p.instance_id,
    p.task_id,
    p.attempt,
    p.started_at,
    p.timeout,
    ${project_of_payload},
    ${task_of_payload}
),

-- deliver_by is for losing contact with the instance from now on, end_by for an instance that does not end the run. An end_by
-- that is later than at first has been set anew before, and is not set again.
dated AS (
  UPDATE tasks t
  SET
    failures = 0,
    deliver_by = begun.timeout_at + @delivery_timeout_seconds::bigint * interval '1 second',
    end_by = CASE
      WHEN t.end_by > begun.timeout_at + begun.grace THEN t.end_by
      ELSE greatest(begun.timeout_at, now()) + begun.grace
    END
  FROM (
    SELECT
      id,
      started_at + timeout * interval '1 second' AS timeout_at,
      @grace_seconds::bigint * interval '1 second' AS grace
    FROM (
      SELECT id, started_at, timeout
      FROM started
      UNION ALL
      -- Those that were started before.
      SELECT p.id, p.started_at, p.timeout
      FROM payloads p
      WHERE p.id = ANY (ARRAY(SELECT payload_id FROM run))
        AND (p.status = 'EXECUTING' OR NOT ${open_payload})
    ) AS each
  ) AS begun
  WHERE t.id = ANY (ARRAY(SELECT task_id FROM unended))
    AND begun.id = t.payload_id
    AND begun.timeout_at IS NOT NULL
)

-- name: start_runs
WITH run AS (
  SELECT *
  FROM unnest(@payload_ids::bigint[], @remote_paths::text[]) AS run(payload_id, remote_path)
),

unended AS (
  SELECT unnest(@task_ids::bigint[]) AS task_id
),

${start_runs}

SELECT id, deployment_id, instance_id, task_id, attempt, project, of_task
FROM started;

-- name: start_held_runs
-- Of tasks that are to run their scripts, at the paths that they tell, if any, and that their workers hold. A row for each of
-- them, and one for each payload that was started now.
WITH held AS MATERIALIZED (
  SELECT t.id AS task_id, t.payload_id, told.remote_path
  FROM unnest(@task_ids::bigint[], @lease_epochs::bigint[], @workers::text[], @remote_paths::text[])
    AS told(task_id, lease_epoch, worker, remote_path)
  JOIN tasks t ON ${held_as_told}
  JOIN payloads p ON p.id = t.payload_id
  WHERE ${executes}
    AND told.remote_path IN ('', t.remote_path)
  ORDER BY t.id
  FOR UPDATE OF t
),

run AS (
  SELECT payload_id, remote_path
  FROM held
),

unended AS (
  SELECT task_id
  FROM held
),

${start_runs}

SELECT payload_id AS held_payload_id, NULL AS id, NULL AS deployment_id, NULL AS instance_id, NULL AS task_id, NULL AS attempt,
  NULL AS project, NULL::text[] AS of_task
FROM held
UNION ALL
SELECT NULL, id, deployment_id, instance_id, task_id, attempt, project, of_task
FROM started;
