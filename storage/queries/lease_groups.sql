-- Leases that are renewed together, as one row (lease_store.h). A renewal of a group does not touch its tasks, so it does not
-- meet who changes one of them at the same time. Therefore whoever takes a task out of its group while its lease goes on counts
-- that in the group's row, where the two do meet, before the time of the lease is taken. Each of these steps is a statement of
-- its own, which sees all that the one before has waited for. A lease that leaves a group, or joins one, is good for as long as
-- it was before, at least: its worker counts on that, and another api_server's leases may last longer.

-- fragment: take_out
-- Of the groups of tasks that are locked.
UPDATE lease_groups
SET changes = changes + 1
WHERE id IN (SELECT id FROM lease_groups WHERE id = ANY (@old_groups::bigint[]) ORDER BY id FOR UPDATE)

-- fragment: lease_to_lock
-- The leases that are named, with the groups that they are of.
SELECT t.id, CASE WHEN ${grouped_task} THEN t.lease_group END AS old_group
FROM tasks t
JOIN unnest(@task_ids::bigint[], @lease_epochs::bigint[], @workers::text[]) AS held(task_id, lease_epoch, worker)
  ON held.task_id = t.id
WHERE t.lease_epoch = held.lease_epoch
  AND t.worker = held.worker
  AND ${held_task}
ORDER BY t.id
FOR UPDATE OF t

-- name: limit_idle_transaction
SELECT set_config('idle_in_transaction_session_timeout', @milliseconds, true);

-- name: lock_leases
${lease_to_lock};

-- name: lock_free_leases
-- What somebody has locked just now stays as it is.
${lease_to_lock} SKIP LOCKED;

-- name: leave_lease_groups
${take_out};

-- name: renew_locked_leases
UPDATE tasks t
SET lease_until = greatest(
  CASE
    WHEN t.lease_until < ${last_day} THEN t.lease_until
    ELSE (SELECT g.lease_until FROM lease_groups g WHERE g.id = t.lease_group)
  END,
  clock_timestamp() + @lease_milliseconds::bigint * interval '1 millisecond'
)
WHERE t.id = ANY (@task_ids::bigint[])
RETURNING t.id, t.lease_epoch, t.worker, t.cancel_requested, t.recall_requested;

-- name: make_lease_group
-- Of tasks that are locked.
WITH taken_out AS (
  ${take_out}
  RETURNING lease_until
),
lease_group AS (
  INSERT INTO lease_groups (worker, lease_until)
  SELECT
    @worker,
    greatest(
      of_groups.lease_until,
      of_their_own.lease_until,
      clock_timestamp() + @lease_milliseconds::bigint * interval '1 millisecond'
    )
  -- All of them, so that the time is taken after that.
  FROM
    (SELECT max(lease_until) AS lease_until FROM taken_out) AS of_groups,
    (
      SELECT max(lease_until) AS lease_until
      FROM tasks
      WHERE id = ANY (@task_ids::bigint[])
        AND lease_until < ${last_day}
    ) AS of_their_own
  RETURNING id
)
UPDATE tasks t
SET
  lease_until = ${last_day},
  lease_group = lease_group.id
FROM lease_group
WHERE t.id = ANY (@task_ids::bigint[])
RETURNING t.id, t.lease_epoch, t.worker, t.cancel_requested, t.recall_requested, t.lease_group;

-- name: renew_lease_groups
-- Those of which their workers know the tasks. Never to an earlier time: this may have waited for long.
WITH held AS (
  SELECT
    t.lease_group,
    count(*) AS tasks,
    sum(t.id) AS task_id_sum,
    sum(t.lease_epoch) AS lease_epoch_sum,
    array_agg(t.id) FILTER (WHERE t.cancel_requested) AS cancels,
    array_agg(t.id) FILTER (WHERE t.recall_requested AND NOT t.cancel_requested) AS recalls
  FROM tasks t
  WHERE t.lease_group = ANY (@groups::bigint[])
    AND t.worker = ANY (@workers::text[])
    AND ${grouped_task}
  GROUP BY t.lease_group
)
UPDATE lease_groups g
SET lease_until = greatest(g.lease_until, clock_timestamp() + @lease_milliseconds::bigint * interval '1 millisecond')
FROM
  held,
  -- As it was when its tasks were counted.
  lease_groups counted,
  unnest(@groups::bigint[], @workers::text[], @tasks::bigint[], @task_id_sums::bigint[], @lease_epoch_sums::bigint[])
    AS known(id, worker, tasks, task_id_sum, lease_epoch_sum)
WHERE g.id = known.id
  AND g.worker = known.worker
  AND NOT g.ended
  AND counted.id = known.id
  AND counted.changes = g.changes
  AND held.lease_group = known.id
  AND held.tasks = known.tasks
  AND held.task_id_sum = known.task_id_sum
  AND held.lease_epoch_sum = known.lease_epoch_sum
RETURNING g.id, g.worker, held.cancels, held.recalls;

-- name: end_lease_groups
-- This and a renewal meet at the group's row. One that somebody has locked is left for the next time: it may be renewed just
-- now, and who is stopped meanwhile holds nothing else up.
UPDATE lease_groups
SET ended = true
WHERE id IN (SELECT id FROM lease_groups WHERE lease_until < now() AND NOT ended ORDER BY id FOR UPDATE SKIP LOCKED);

-- name: delete_lease_groups
-- Those that have ended stay as long as tasks are in them: these are yet to be given to others. None ever joins one.
DELETE FROM lease_groups g
WHERE g.ended
  AND NOT EXISTS (SELECT 1 FROM tasks t WHERE t.lease_group = g.id AND ${grouped_task});
