-- What becomes of leases once they are given. A lease is a task, its epoch and who holds it: a write that names another epoch or
-- another holder touches nothing. A time of its own takes a lease out of its group (lease_groups.sql).

-- name: renew_leases
-- Those of no group. Never to an earlier time: this may have waited for long.
UPDATE tasks t
SET lease_until = greatest(t.lease_until, clock_timestamp() + @lease_milliseconds::bigint * interval '1 millisecond')
FROM unnest(@task_ids::bigint[], @lease_epochs::bigint[], @workers::text[]) AS held(task_id, lease_epoch, worker)
WHERE t.id = held.task_id
  AND t.lease_epoch = held.lease_epoch
  AND t.worker = held.worker
  AND ${held_task}
  AND t.lease_until < ${last_day}
RETURNING t.id, t.lease_epoch, t.worker, t.cancel_requested, t.recall_requested;

-- name: release_leases
UPDATE tasks t
SET
  status = 'PENDING',
  lease_until = NULL,
  run_at = now(),
  updated_at = now()
FROM unnest(@task_ids::bigint[], @lease_epochs::bigint[], @workers::text[]) AS held(task_id, lease_epoch, worker)
WHERE t.id = held.task_id
  AND t.lease_epoch = held.lease_epoch
  AND t.worker = held.worker
  AND ${held_task};

-- name: find_expired_leases
-- Found branch by branch, each in its index.
(
  SELECT t.id
  FROM tasks t
  WHERE t.status = 'RUNNING'
    AND t.lease_until < now()
  ORDER BY t.lease_until
  LIMIT @limit
)
UNION ALL
(
  SELECT t.id
  FROM lease_groups g
  JOIN tasks t ON t.lease_group = g.id
  WHERE g.ended
    AND ${grouped_task}
  LIMIT @limit
);

-- name: lock_held_tasks
-- Before reap_expired_leases, which then sees all that was written before that. In one statement, a task that joined a new group
-- after it began would be judged by the groups that there were when it began.
SELECT id
FROM tasks
WHERE id = ANY (@task_ids::bigint[])
  AND status = 'RUNNING'
ORDER BY id
FOR UPDATE SKIP LOCKED;

-- name: reap_expired_leases
-- What the holder did last is not known: where a script was to be run, it may have been started. The tasks are locked.
UPDATE tasks t
SET
  status = 'PENDING',
  lease_until = NULL,
  run_at = now(),
  updated_at = now(),
  maybe_started = t.maybe_started OR EXISTS (
    SELECT 1
    FROM payloads p
    WHERE p.id = t.payload_id
      AND (p.execute_payload OR t.type = 'PAYLOAD_EXECUTE')
  )
WHERE t.id = ANY (@task_ids::bigint[])
  AND t.status = 'RUNNING'
  AND (
    t.lease_until < now()
    OR (${grouped_task} AND EXISTS (SELECT 1 FROM lease_groups g WHERE g.id = t.lease_group AND g.ended))
  );
