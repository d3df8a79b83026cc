-- Scripts run.
--
-- @remote_paths: where each was found or put, if that is known; otherwise ''.
-- @task_ids: of those that have not ended yet: their deadlines are set.
WITH started AS (
  UPDATE payloads p
  SET
    status = 'EXECUTING',
    copied = true,
    executed = true,
    remote_path = coalesce(nullif(run.remote_path, ''), p.remote_path),
    transferred_at = coalesce(p.transferred_at, now()),
    started_at = now(),
    updated_at = now()
  FROM unnest(@payload_ids::bigint[], @remote_paths::text[]) AS run(payload_id, remote_path)
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
    ${project_of_payload},
    ${task_of_payload}
),

-- deliver_by is for losing contact with the instance from now on, end_by for an instance that does not end the run. An end_by
-- that is later than at first has been set anew before, and is not set again.
dated AS (
  UPDATE tasks t
  SET
    failures = 0,
    deliver_by = run.timeout_at + @delivery_timeout_seconds::bigint * interval '1 second',
    end_by = CASE
      WHEN t.end_by > run.timeout_at + run.grace THEN t.end_by
      ELSE greatest(run.timeout_at, now()) + run.grace
    END
  FROM (
    SELECT
      p.id,
      coalesce(s.started_at, p.started_at) + p.timeout * interval '1 second' AS timeout_at,
      @grace_seconds::bigint * interval '1 second' AS grace
    FROM payloads p
    LEFT JOIN started s ON s.id = p.id
    WHERE p.id = ANY (@payload_ids::bigint[])
  ) AS run
  WHERE t.id = ANY (@task_ids::bigint[])
    AND run.id = t.payload_id
    AND run.timeout_at IS NOT NULL
)

SELECT id, deployment_id, instance_id, task_id, attempt, project, of_task
FROM started;
