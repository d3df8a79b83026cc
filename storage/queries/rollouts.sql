-- How deployments go through their fleets: a gate keeps all but max_concurrency tasks back, and max_errors failures stop the
-- rest. rollout_state is OPEN while tasks are behind the gate, STOPPING while some are still to be stopped, STOPPED or NONE when
-- nothing is left to do.

-- name: open_gates
-- The tasks whose turn it is pass the gate, as many as leave no more than max_concurrency neither ended nor behind it. The time
-- that a task has waited for its turn does not count for its deadline.
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
    ORDER BY g.run_at, g.id
    LIMIT greatest(
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
    FOR UPDATE SKIP LOCKED
  ) AS next
WHERE d.rollout_state = 'OPEN'
  AND t.id = next.id;

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
-- A rollout with nothing left behind the gate, or nothing left to stop, needs no more attention.
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
        AND t.gated
        AND t.status = 'PENDING'
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
WHERE (d.max_concurrency > 0 OR d.stop_reason <> '')
  AND d.id IN (SELECT deployment_id FROM tasks WHERE id = ANY (@task_ids::bigint[]));

-- name: begin_rollouts
-- New tasks were inserted: the rollouts begin, or go on after a stop.
UPDATE deployments
SET
  stop_reason = '',
  rollout_state = CASE WHEN max_concurrency > 0 THEN 'OPEN' ELSE 'NONE' END
WHERE id = ANY (@deployment_ids::bigint[]);
