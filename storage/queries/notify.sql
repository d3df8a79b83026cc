-- Wakes who listens to a channel. Nobody waits for it to be on the disk: after a crash nobody listens either.
SELECT set_config('synchronous_commit', 'off', true), pg_notify(@channel, @payload);
