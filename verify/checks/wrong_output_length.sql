-- invariant 4: output over the limit is exactly head and tail
-- How many bytes of the output of each attempt are stored.
WITH stored AS (
  SELECT payload_id, attempt, sum(end_byte - start_byte) AS bytes
  FROM payload_output
  GROUP BY payload_id, attempt
)
SELECT
  'payload ' || p.id AS subject,
  'of ' || p.output_bytes || ' bytes, ' || coalesce(s.bytes, 0) || ' are stored; output_truncated is '
    || p.output_truncated AS detail
FROM payloads p
LEFT JOIN stored s ON s.payload_id = p.id AND s.attempt = p.attempt
-- Only the end of a payload cuts its tail to length.
WHERE p.status NOT IN ${open_payload_statuses}
  AND (
    -- The reverse is no violation: output that was cut short on the instance is truncated as well.
    (p.output_bytes > @max_output_bytes::bigint AND NOT p.output_truncated)
    OR coalesce(s.bytes, 0) <> least(p.output_bytes, @max_output_bytes::bigint)
  );
