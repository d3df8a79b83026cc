-- invariant 8: no lock is kept
SELECT
  'session ' || l.pid AS subject,
  'has held an advisory lock since ' || a.xact_start AS detail
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory'
  AND l.granted
  AND a.datname = current_database()
  -- Nothing that is done under an advisory lock takes a minute.
  AND a.xact_start < clock_timestamp() - interval '60 seconds';
