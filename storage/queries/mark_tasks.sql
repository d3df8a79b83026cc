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

-- name: set_run_deadlines
-- The scripts run. deliver_by is for losing contact with the instance from now on, end_by for an instance that does not end the
-- run. An end_by that is later than at first has been set anew before, and is not set again.
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
    id,
    started_at + timeout * interval '1 second' AS timeout_at,
    @grace_seconds::bigint * interval '1 second' AS grace
  FROM payloads
  WHERE started_at IS NOT NULL
) AS run
WHERE t.id = ANY (@task_ids::bigint[])
  AND run.id = t.payload_id;

-- name: wait_for_output
-- The scripts have ended, and their output may come until deliver_by.
UPDATE tasks
SET end_by = greatest(end_by, deliver_by)
WHERE id = ANY (@task_ids::bigint[])
  AND end_by IS NOT NULL;
