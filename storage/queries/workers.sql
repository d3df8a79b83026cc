-- Who has connected, and when it was last heard of.

-- name: upsert_worker
-- A worker has said hello.
INSERT INTO workers (name, incarnation, version, capacity)
VALUES (@name, @incarnation, @version, @capacity)
ON CONFLICT (name) DO UPDATE
SET
  incarnation = excluded.incarnation,
  version = excluded.version,
  capacity = excluded.capacity,
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
