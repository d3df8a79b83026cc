-- What the quotas of a project are counted by. Who is about to add to a project takes its lock first, and keeps it to the end of
-- the transaction: two at once would each see room for one.

-- name: lock_quota
SELECT pg_advisory_xact_lock(720396417, hashtext(@project));

-- name: count_open_tasks
SELECT count(*) AS count
FROM tasks
WHERE project = @project
  AND status IN ('PENDING', 'RUNNING');

-- name: count_instances
-- A failed one has a machine too, until it is terminated.
SELECT count(*) AS count
FROM instances
WHERE project = @project
  AND status <> 'TERMINATED';
