-- invariant 1: a lease that has run out is given to another
SELECT
  'task ' || id AS subject,
  'RUNNING, its lease ran out at ' || lease_until AS detail
FROM tasks
WHERE status = 'RUNNING'
  -- Another holder is found within moments, so a minute is too long.
  AND lease_until < clock_timestamp() - interval '60 seconds';
