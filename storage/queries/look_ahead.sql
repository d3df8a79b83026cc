-- What there is to do now, and the milliseconds until the next thing becomes due that nobody announces; NULL when there is
-- nothing. Each branch is answered by the first entry of an index.
WITH ahead AS (
  SELECT
    -- A task is to be tried again.
    (SELECT min(t.run_at) FROM tasks t WHERE ${ready_task}) AS next_try,
    -- An instance is to be provisioned.
    (
      SELECT min(run_at)
      FROM tasks
      WHERE status = 'PENDING'
        AND blocked_by IS NULL
        AND type = 'PROVISION_INSTANCE'
    ) AS next_provision,
    -- Behind a gate only what is not due yet: what is due waits for another task's end, which is announced.
    (
      SELECT min(g.run_at)
      FROM deployments d, tasks g
      WHERE d.rollout_state = 'OPEN'
        AND g.deployment_id = d.id
        AND g.gated
        AND g.status = 'PENDING'
        AND g.run_at > now()
    ) AS next_gate,
    -- The time between two waves is over.
    (SELECT min(next_wave_at) FROM deployments WHERE rollout_state = 'OPEN') AS next_wave,
    least(
      -- A lease runs out.
      (SELECT min(lease_until) FROM tasks WHERE status = 'RUNNING'),
      (SELECT min(lease_until) FROM lease_groups),
      -- An instance has not ended a run in time.
      (SELECT min(end_by) FROM tasks WHERE status = 'RUNNING' AND end_by IS NOT NULL),
      -- A payload cannot be delivered in time.
      (SELECT min(t.deliver_by) FROM tasks t WHERE ${ready_task}),
      -- A run directory is to be removed.
      (SELECT min(run_at) FROM run_cleanups)
    ) AS next_overdue
)
SELECT
  (
    extract(epoch FROM least(next_try, next_provision, next_gate, next_wave, next_overdue) - now()) * 1000
  )::bigint AS milliseconds,
  coalesce(next_provision <= now(), false) AS provisions,
  EXISTS (SELECT 1 FROM deployments WHERE rollout_state IN ('OPEN', 'STOPPING')) AS rollouts,
  coalesce(next_overdue <= now(), false)
    -- What waits for a place, where nothing runs that would wake it.
    OR EXISTS (SELECT 1 FROM tasks WHERE waiting_since IS NOT NULL) AS overdue
FROM ahead;
