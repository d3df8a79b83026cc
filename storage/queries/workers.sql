-- Who has connected, and when it was last heard of.

-- name: upsert_worker
-- A worker has said hello.
INSERT INTO workers (name, incarnation, version, capacity, pool)
VALUES (@name, @incarnation, @version, @capacity, @pool)
ON CONFLICT (name) DO UPDATE
SET
  incarnation = excluded.incarnation,
  version = excluded.version,
  capacity = excluded.capacity,
  pool = excluded.pool,
  connected_at = now(),
  seen_at = now();

-- name: mark_workers_seen
-- Written only as often as ListWorkers promises: each write is a row that has to be vacuumed.
UPDATE workers
SET seen_at = now()
WHERE name = ANY (@names::text[])
  AND seen_at < now() - @period_milliseconds::bigint * interval '1 millisecond';

-- name: list_workers
-- In the order in which they first connected.
SELECT
  w.id,
  w.name,
  w.version,
  w.capacity,
  w.pool,
  (extract(epoch FROM w.connected_at) * 1000000)::bigint AS connected_at,
  (extract(epoch FROM w.seen_at) * 1000000)::bigint AS seen_at,
  coalesce(held.tasks, 0) AS running
FROM workers w
LEFT JOIN (
  SELECT worker, count(*) AS tasks
  FROM tasks
  WHERE status = 'RUNNING'
  GROUP BY worker
) AS held ON held.worker = w.name
WHERE w.id > @after
ORDER BY w.id
LIMIT @limit;

-- name: pools_without_worker
-- It goes from one project and pool to the next in the index instances_pool, so it costs as much as there are of these.
WITH RECURSIVE placed AS (
  (
    SELECT i.project, i.pool
    FROM instances i
    WHERE i.status <> 'TERMINATED'
    ORDER BY i.project, i.pool
    LIMIT 1
  )
  UNION ALL
  SELECT next.project, next.pool
  FROM
    placed p,
    LATERAL (
      SELECT i.project, i.pool
      FROM instances i
      WHERE i.status <> 'TERMINATED'
        AND (i.project, i.pool) > (p.project, p.pool)
      ORDER BY i.project, i.pool
      LIMIT 1
    ) AS next
)
SELECT DISTINCT i.pool
FROM placed i
WHERE ${in_scope}
  AND NOT EXISTS (
    SELECT 1
    FROM workers w
    WHERE w.pool = i.pool
      AND w.seen_at > now() - interval '60 seconds'
  )
ORDER BY i.pool;
