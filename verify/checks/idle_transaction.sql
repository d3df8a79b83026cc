-- invariant 8: no transaction is left idle
SELECT
  'session ' || pid AS subject,
  state || ' since ' || state_change AS detail
FROM pg_stat_activity
-- Sessions of others in this database are not Longshore's business.
WHERE datname = current_database()
  AND application_name = 'longshore'
  -- Also 'idle in transaction (aborted)'.
  AND state LIKE 'idle in transaction%'
  AND state_change < clock_timestamp() - interval '30 seconds';
