-- What becomes of leases once they are given. A lease is a task, its epoch and who holds it: a write that names another epoch or
-- another holder touches nothing.

-- name: renew_leases
UPDATE tasks t
SET lease_until = now() + @lease_milliseconds::bigint * interval '1 millisecond'
FROM unnest(@task_ids::bigint[], @lease_epochs::bigint[], @workers::text[]) AS held(task_id, lease_epoch, worker)
WHERE t.id = held.task_id
  AND t.lease_epoch = held.lease_epoch
  AND t.worker = held.worker
  AND ${held_task}
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
SELECT id
FROM tasks
WHERE status = 'RUNNING'
  AND lease_until < now()
ORDER BY lease_until
LIMIT @limit;

-- name: reap_expired_leases
-- What the holder did last is not known: where a script was to be run, it may have been started.
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
WHERE t.id IN (
  SELECT id
  FROM tasks
  WHERE id = ANY (@task_ids::bigint[])
    AND status = 'RUNNING'
    AND lease_until < now()
  ORDER BY id
  FOR UPDATE SKIP LOCKED
);
