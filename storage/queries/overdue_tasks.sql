-- Tasks whose time is over. Each is locked, and ended by the caller.

-- fragment: not_taken_in_time
${ready_task}
AND t.deliver_by < now()

-- fragment: not_started_in_time
t.status = 'RUNNING'
AND t.payload_id IS NOT NULL
AND t.end_by IS NULL
AND t.deliver_by < now() - @grace_seconds::bigint * interval '1 second'

-- name: find_undelivered
-- A task that waits for somebody else (a place, another task, its turn in a rollout) is not late by its own fault. One that is
-- held has @grace_seconds more, for its worker to say how it stands; once its script runs, end_by counts instead.
-- Found branch by branch, each in its index: together they would be looked for in all tasks that there are.
SELECT t.id
FROM tasks t
WHERE t.id = ANY (
    ARRAY(SELECT t.id FROM tasks t WHERE ${not_taken_in_time})
    || ARRAY(SELECT t.id FROM tasks t WHERE ${not_started_in_time})
  )
  AND ((${not_taken_in_time}) OR (${not_started_in_time}))
ORDER BY t.id
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
