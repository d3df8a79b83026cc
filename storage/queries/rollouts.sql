-- How deployments go through their fleets: a gate keeps all but max_concurrency tasks back, those of later waves, and all while
-- the rollout is paused; max_errors failures stop the rest. rollout_state is OPEN while tasks are behind the gate, STOPPING while
-- some are still to be stopped, STOPPED or NONE when nothing is left to do.

-- name: open_gates
-- The tasks whose turn it is pass the gate, as many as leave no more than max_concurrency, if there is such a limit, neither
-- ended nor behind it. The time that a task has waited for its turn does not count for its deadline.
UPDATE tasks t
SET
  gated = false,
  run_at = now(),
  deliver_by = t.deliver_by + (now() - t.run_at),
  updated_at = now()
FROM
  deployments d,
  LATERAL (
    SELECT g.id
    FROM tasks g
    WHERE g.deployment_id = d.id
      AND g.gated
      AND g.status = 'PENDING'
      AND g.blocked_by IS NULL
      AND g.run_at <= now()
      AND g.wave <= d.wave
    ORDER BY g.wave, g.run_at, g.id
    LIMIT CASE
      WHEN d.max_concurrency > 0 THEN greatest(
        0,
        d.max_concurrency - (
          SELECT count(*)
          FROM tasks a
          WHERE a.deployment_id = d.id
            AND NOT a.gated
            AND a.blocked_by IS NULL
            AND a.status IN ('PENDING', 'RUNNING')
        )
      )
    END
    FOR UPDATE SKIP LOCKED
  ) AS next
WHERE d.rollout_state = 'OPEN'
  AND NOT d.paused
  AND d.wave_state = 'GOING'
  AND t.id = next.id;

-- fragment: next_wave
-- Of a deployment d: the first wave of which something is behind the gate; NULL when nothing is.
(
  SELECT min(g.wave)
  FROM tasks g
  WHERE g.deployment_id = d.id
    AND g.gated
    AND g.status = 'PENDING'
)

-- name: end_waves
-- All of a wave has ended, and there is another one: what comes between them begins, or the next one does.
WITH ended AS MATERIALIZED (
  SELECT d.id
  FROM deployments d
  WHERE d.rollout_state = 'OPEN'
    AND d.wave_state = 'GOING'
    AND d.wave > 0
    AND NOT EXISTS (
      SELECT 1
      FROM tasks t
      WHERE t.deployment_id = d.id
        AND t.wave <= d.wave
        AND t.status IN ('PENDING', 'RUNNING')
    )
)
UPDATE deployments d
SET
  wave_state = CASE
    WHEN d.check_script_sha256 IS NOT NULL THEN 'CHECKING'
    WHEN d.wave_pause_seconds > 0 THEN 'WAITING'
    WHEN d.wave_hold THEN 'HELD'
    ELSE 'GOING'
  END,
  next_wave_at = CASE WHEN d.wave_pause_seconds > 0 THEN now() + d.wave_pause_seconds * interval '1 second' END,
  check_deployment_id = NULL,
  wave = CASE
    WHEN d.check_script_sha256 IS NULL AND d.wave_pause_seconds = 0 AND NOT d.wave_hold THEN ${next_wave}
    ELSE d.wave
  END
FROM ended
WHERE d.id = ended.id
  AND ${next_wave} IS NOT NULL
RETURNING d.id;

-- name: begin_waves
-- The time between two waves is over, or their check has succeeded everywhere.
UPDATE deployments d
SET
  wave = coalesce(${next_wave}, d.wave),
  wave_state = 'GOING',
  next_wave_at = NULL
WHERE d.rollout_state = 'OPEN'
  AND (
    (d.wave_state = 'WAITING' AND d.next_wave_at <= now())
    OR (
      d.wave_state = 'CHECKING'
      AND EXISTS (SELECT 1 FROM payloads p WHERE p.deployment_id = d.check_deployment_id)
      AND NOT EXISTS (SELECT 1 FROM payloads p WHERE p.deployment_id = d.check_deployment_id AND p.status <> 'COMPLETED')
    )
  )
RETURNING d.id;

-- name: lock_wave_to_check
-- A wave whose check has not begun, and on what: nobody else begins it meanwhile. Nothing is begun in a pause, nor when
-- nothing is left that waits for it.
SELECT
  d.id,
  d.wave,
  d.timeout,
  d.remote_path,
  d.traceparent,
  s.content AS check_script,
  (
    SELECT coalesce(array_agg(p.instance_id ORDER BY p.id), '{}')
    FROM payloads p
    WHERE p.deployment_id = d.id
      AND p.wave = d.wave
      AND p.status IN ('COMPLETED', 'TRANSFERRED')
  ) AS instance_ids
FROM deployments d
JOIN scripts s ON s.sha256 = d.check_script_sha256
WHERE d.rollout_state = 'OPEN'
  AND d.wave_state = 'CHECKING'
  AND d.check_deployment_id IS NULL
  AND NOT d.paused
  AND ${next_wave} IS NOT NULL
ORDER BY d.id
LIMIT 1
FOR UPDATE OF d SKIP LOCKED;

-- name: set_check_deployment
UPDATE deployments
SET check_deployment_id = @check_deployment_id
WHERE id = @id;

-- name: find_check
-- Waits for whoever is just beginning one.
SELECT check_deployment_id
FROM deployments
WHERE id = @id
  AND wave_state = 'CHECKING'
  AND check_deployment_id IS NOT NULL
FOR SHARE;

-- name: stop_rollout
UPDATE deployments
SET
  rollout_state = 'STOPPING',
  stop_reason = @stop_reason
WHERE id = @id
  AND rollout_state = 'OPEN';

-- name: stop_rollouts_after_checks
-- A check that has failed, or was cancelled, on one instance has failed.
UPDATE deployments d
SET
  rollout_state = 'STOPPING',
  stop_reason = 'the check of wave ' || d.wave || ' did not succeed: deployment ' || d.check_deployment_id
WHERE d.rollout_state = 'OPEN'
  AND d.wave_state = 'CHECKING'
  AND ${next_wave} IS NOT NULL
  AND EXISTS (
    SELECT 1
    FROM payloads p
    WHERE p.deployment_id = d.check_deployment_id
      AND p.status IN ('FAILED', 'CANCELLED')
  )
RETURNING d.id;

-- name: pause_rollout
UPDATE deployments
SET
  paused = true,
  rollout_state = 'OPEN'
WHERE id = @id
  AND rollout_state IN ('NONE', 'OPEN');

-- name: lock_ungated_tasks
-- In the order in which everybody locks tasks, before the capacity lock.
SELECT id
FROM tasks
WHERE deployment_id = @id
  AND status = 'PENDING'
  AND NOT gated
ORDER BY id
FOR UPDATE;

-- name: gate_tasks
-- Those that nobody holds and whose scripts have not been started go behind the gate.
UPDATE tasks t
SET
  gated = true,
  waiting_since = NULL
FROM payloads p
WHERE t.deployment_id = @id
  AND t.status = 'PENDING'
  AND NOT t.gated
  AND NOT t.maybe_started
  AND NOT t.cancel_requested
  AND p.id = t.payload_id
  AND p.status IN ('PENDING', 'TRANSFERRED');

-- fragment: begins_next_wave
-- Of a deployment d that is resumed.
(d.wave_state = 'HELD' OR (d.wave_state <> 'GOING' AND NOT d.paused))

-- name: resume_rollout
-- Who has paused it lets it go on; otherwise what comes between two waves is over.
UPDATE deployments d
SET
  paused = false,
  wave = CASE WHEN ${begins_next_wave} THEN coalesce(${next_wave}, d.wave) ELSE d.wave END,
  next_wave_at = CASE WHEN ${begins_next_wave} THEN NULL ELSE d.next_wave_at END,
  wave_state = CASE WHEN ${begins_next_wave} THEN 'GOING' ELSE d.wave_state END
WHERE d.id = @id
  AND (d.paused OR (d.rollout_state = 'OPEN' AND d.wave_state <> 'GOING'));

-- name: stop_rollouts_after_failures
-- The payloads have just failed: deployments that have their max_errors by now stop, and say why.
UPDATE deployments d
SET
  rollout_state = 'STOPPING',
  stop_reason =
    counted.failed
    || CASE counted.failed WHEN 1 THEN ' payload' ELSE ' payloads' END
    || ' failed; the rollout stops at max_errors '
    || d.max_errors
FROM (
  SELECT
    f.id,
    (
      SELECT count(*)
      FROM payloads p
      WHERE p.deployment_id = f.id
        AND p.status = 'FAILED'
    ) AS failed
  FROM deployments f
  WHERE f.max_errors > 0
    AND f.stop_reason = ''
    AND f.id IN (SELECT deployment_id FROM payloads WHERE id = ANY (@failed_payload_ids::bigint[]))
) AS counted
WHERE d.id = counted.id
  AND counted.failed >= d.max_errors;

-- name: find_stopped_tasks
-- Nobody holds them, and their scripts have not been started: the caller ends them.
SELECT t.id
FROM tasks t, deployments d, payloads p
WHERE ${unstarted_task_of_stopping}
  AND t.status = 'PENDING'
  AND NOT t.maybe_started
ORDER BY t.id
LIMIT @limit
FOR UPDATE OF t SKIP LOCKED;

-- name: recall_tasks
-- Their holders are asked to stop them, unless the script has been started.
UPDATE tasks
SET recall_requested = true
WHERE id IN (
  SELECT t.id
  FROM tasks t, deployments d, payloads p
  WHERE ${unstarted_task_of_stopping}
    AND t.status = 'RUNNING'
    AND NOT t.recall_requested
  FOR UPDATE OF t SKIP LOCKED
)
RETURNING id;

-- name: settle_rollouts
-- A rollout with nothing left behind the gate, or nothing left to stop, needs no more attention. A paused one may get something
-- behind it again, until all has ended.
UPDATE deployments s
SET rollout_state = CASE s.rollout_state WHEN 'OPEN' THEN 'NONE' ELSE 'STOPPED' END
WHERE s.id IN (
  SELECT d.id
  FROM deployments d
  WHERE d.rollout_state = 'OPEN'
    AND NOT EXISTS (
      SELECT 1
      FROM tasks t
      WHERE t.deployment_id = d.id
        AND (t.gated OR d.paused)
        AND t.status IN ('PENDING', 'RUNNING')
    )
  UNION ALL
  SELECT d.id
  FROM deployments d
  WHERE d.rollout_state = 'STOPPING'
    AND NOT EXISTS (
      SELECT 1
      FROM tasks t, payloads p
      WHERE ${unstarted_task_of_stopping}
        AND t.status IN ('PENDING', 'RUNNING')
    )
);

-- name: find_rollouts_of_tasks
SELECT d.id
FROM deployments d
WHERE (${has_gate} OR d.stop_reason <> '')
  AND d.id IN (SELECT deployment_id FROM tasks WHERE id = ANY (@task_ids::bigint[]));

-- fragment: keeps_its_wave
-- Of a deployment d that gets new tasks: its rollout is under way in a wave.
(d.rollout_state = 'OPEN' AND d.wave > 0)

-- fragment: stays_between_waves
-- Of such a deployment d: nothing of the waves so far is to be done again.
(${keeps_its_wave} AND coalesce(${next_wave} > d.wave, true))

-- name: begin_rollouts
-- New tasks were inserted. A rollout that is under way goes on where it is; what comes between two waves begins anew when
-- something of the waves so far is done again. Another begins, or goes on after a stop or its end, with the first wave that
-- has something to do, but not before a later one of which scripts still run.
UPDATE deployments d
SET
  stop_reason = '',
  rollout_state = CASE WHEN ${has_gate} THEN 'OPEN' ELSE 'NONE' END,
  wave = CASE
    WHEN d.waves = '{}' THEN 0
    WHEN ${keeps_its_wave} THEN d.wave
    ELSE coalesce(
      greatest(
        ${next_wave},
        (
          SELECT max(a.wave)
          FROM tasks a
          WHERE a.deployment_id = d.id
            AND NOT a.gated
            AND a.status IN ('PENDING', 'RUNNING')
        )
      ),
      d.wave
    )
  END,
  wave_state = CASE WHEN ${stays_between_waves} THEN d.wave_state ELSE 'GOING' END,
  next_wave_at = CASE WHEN ${stays_between_waves} THEN d.next_wave_at END
WHERE d.id = ANY (@deployment_ids::bigint[]);
