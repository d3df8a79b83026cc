-- Tries that failed are made again later.
UPDATE tasks t
SET
  status = 'PENDING',
  lease_until = NULL,
  run_at = retry.run_at,
  failures = t.failures + 1,
  error = retry.error,
  updated_at = now(),
  gated = ${leaves_its_place}
FROM (
  SELECT id, now() + delay * interval '1 millisecond' AS run_at, error
  FROM unnest(@task_ids::bigint[], @delays_milliseconds::bigint[], @errors::text[]) AS failed(id, delay, error)
) AS retry
WHERE t.id = retry.id
  AND ${held_task};
