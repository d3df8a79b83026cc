-- What one run of the checks happens in: they all see the database of one moment, and none can write.

-- name: begin_snapshot
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: end_snapshot
COMMIT;
