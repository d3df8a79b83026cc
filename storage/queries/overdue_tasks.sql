-- Tasks whose time is over. Each is locked, and ended by the caller.

-- name: find_undelivered
-- A task that waits for somebody else (a place, another task, its turn in a rollout) is not late by its own fault. One that is
-- held has @grace_seconds more, for its worker to say how it stands; once its script runs, end_by counts instead.
SELECT id
FROM tasks
WHERE payload_id IS NOT NULL
  AND (
    (
      status = 'PENDING'
      AND waiting_since IS NULL
      AND blocked_by IS NULL
      AND NOT gated
      AND deliver_by < now()
    )
    OR (
      status = 'RUNNING'
      AND end_by IS NULL
      AND deliver_by < now() - @grace_seconds::bigint * interval '1 second'
    )
  )
ORDER BY id
LIMIT @limit
FOR UPDATE SKIP LOCKED;

-- name: find_overrun
SELECT id
FROM tasks
WHERE status = 'RUNNING'
  AND payload_id IS NOT NULL
  AND end_by < now()
ORDER BY id
LIMIT @limit
FOR UPDATE SKIP LOCKED;
