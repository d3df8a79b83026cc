-- Tasks that wait for a place on their instance become due again. The time that they have waited does not count for their
-- deadline.

-- name: wake_waiting
-- Places have become free on the instances: the longest waiting tasks of each, as many as could possibly run. One that somebody
-- else has locked is about to end, or is found by wake_stranded.
UPDATE tasks t
SET
  waiting_since = NULL,
  run_at = now(),
  deliver_by = t.deliver_by + (now() - t.waiting_since)
FROM
  (SELECT DISTINCT unnest(@instance_ids::bigint[]) AS id) AS i,
  LATERAL (
    SELECT w.id
    FROM tasks w
    WHERE w.instance_id = i.id
      AND w.waiting_since IS NOT NULL
    ORDER BY w.waiting_since, w.id
    LIMIT 8
    FOR UPDATE SKIP LOCKED
  ) AS next
WHERE t.id = next.id;

-- name: wake_stranded
-- Where nothing runs, nobody's end will wake them.
UPDATE tasks t
SET
  waiting_since = NULL,
  run_at = now(),
  deliver_by = t.deliver_by + (now() - t.waiting_since)
WHERE t.waiting_since IS NOT NULL
  AND NOT EXISTS (
    SELECT 1
    FROM tasks r
    WHERE r.status = 'RUNNING'
      AND r.instance_id = t.instance_id
  );
