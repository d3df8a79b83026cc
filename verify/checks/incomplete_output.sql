-- invariant 4: the output is complete
-- Up to which byte the output of each attempt is stored.
WITH stored AS (
  SELECT payload_id, attempt, max(end_byte) AS end_byte
  FROM payload_output
  GROUP BY payload_id, attempt
)
SELECT
  'payload ' || p.id AS subject,
  'output_bytes is ' || p.output_bytes || ', stored is all up to ' || coalesce(s.end_byte, 0) AS detail
FROM payloads p
LEFT JOIN stored s ON s.payload_id = p.id AND s.attempt = p.attempt
-- A payload without output has no chunk.
WHERE coalesce(s.end_byte, 0) <> p.output_bytes;
