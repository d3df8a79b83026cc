-- invariant 2: no output is of an attempt that nobody asked for
SELECT DISTINCT
  'payload ' || p.id AS subject,
  'has output of attempt ' || o.attempt || ', it is at ' || p.attempt AS detail
FROM payload_output o
JOIN payloads p ON p.id = o.payload_id
-- Attempts count from 1, and each retry asks for one more.
WHERE o.attempt > p.attempt
   OR o.attempt < 1;
