-- How api_servers tell each other what has changed.

-- name: notify
-- Wakes who listens to a channel. Nobody waits for it to be on the disk: after a crash nobody listens either.
SELECT set_config('synchronous_commit', 'off', true), pg_notify(@channel, @payload);

-- name: find_other_listeners
-- Whether anybody but the session @own_pid may listen to the channel: who does has asked for nothing since. What sessions of
-- another role ask for may not be shown, and with track_activities off nothing is.
SELECT EXISTS (
  SELECT 1
  FROM pg_stat_activity
  WHERE datname = current_database()
    AND pid NOT IN (pg_backend_pid(), @own_pid::bigint)
    AND coalesce(query, '') IN ('LISTEN ' || @channel::text, '<insufficient privilege>', '')
) AS others;
