-- invariant 1: a lease that has run out is given to another
SELECT
  'task ' || t.id AS subject,
  CASE
    WHEN t.lease_until < clock_timestamp() THEN 'RUNNING, its lease ran out at ' || t.lease_until
    ELSE 'RUNNING, its lease is that of group ' || coalesce(t.lease_group::text, 'none') || ', which '
      || coalesce('ran out at ' || g.lease_until, 'is not there')
  END AS detail
FROM tasks t
LEFT JOIN lease_groups g ON g.id = t.lease_group
WHERE t.status = 'RUNNING'
  -- Another holder is found within moments, so a minute is too long.
  AND (
    t.lease_until < clock_timestamp() - interval '60 seconds'
    OR (
      t.lease_until = timestamptz '9999-12-31 00:00:00+00'
      AND coalesce(g.lease_until, '-infinity') < clock_timestamp() - interval '60 seconds'
    )
  );
