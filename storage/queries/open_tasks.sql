-- The tasks that have not ended, for the metrics of those who watch over an installation.
--
-- overdue_seconds: how long the one of them that could have been claimed first has waited. A task that waits for somebody else (a
-- place, another task, its turn in a rollout) is not late.
SELECT
  type,
  status,
  count(*) AS tasks,
  coalesce(
    max(extract(epoch FROM now() - run_at)) FILTER (
      WHERE status = 'PENDING'
        AND run_at <= now()
        AND waiting_since IS NULL
        AND blocked_by IS NULL
        AND NOT gated
    ),
    0
  )::bigint AS overdue_seconds
FROM tasks
WHERE status IN ('PENDING', 'RUNNING')
GROUP BY type, status
