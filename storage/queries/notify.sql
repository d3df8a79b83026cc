-- Wakes who listens to a channel.
SELECT pg_notify(@channel, @payload);
