-- What is noted about tasks that go on.

-- name: request_cancel
-- A task that waits for its next try is due at once, to be ended.
UPDATE tasks
SET
  cancel_requested = true,
  updated_at = now(),
  run_at = least(run_at, now())
WHERE id = ANY (@task_ids::bigint[]);

-- name: mark_maybe_started
UPDATE tasks
SET maybe_started = true
WHERE id = ANY (@task_ids::bigint[]);

-- name: wait_for_output
-- The scripts have ended, and their output may come until deliver_by.
UPDATE tasks
SET end_by = greatest(end_by, deliver_by)
WHERE id = ANY (@task_ids::bigint[])
  AND end_by IS NOT NULL;
