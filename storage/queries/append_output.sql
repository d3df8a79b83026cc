-- What scripts print arrives in chunks: they are stored, then counted.

-- name: insert_output
-- A chunk belongs to the current attempt of its payload. One that was stored before is left alone, so a chunk may arrive twice.
INSERT INTO payload_output (payload_id, attempt, start_byte, end_byte, data, lease_epoch)
SELECT chunk.payload_id, p.attempt, chunk.start_byte, chunk.end_byte, chunk.data, chunk.lease_epoch
FROM unnest(
  @payload_ids::bigint[],
  @start_bytes::bigint[],
  @end_bytes::bigint[],
  @data::bytea[],
  @lease_epochs::bigint[]
) AS chunk(payload_id, start_byte, end_byte, data, lease_epoch)
JOIN payloads p ON p.id = chunk.payload_id
ON CONFLICT DO NOTHING;

-- name: count_output
-- Tells of each payload whose output has grown whether it is longer now than what is kept.
UPDATE payloads p
SET
  output_bytes = printed.end_byte,
  updated_at = now(),
  output_truncated = printed.end_byte > @kept_bytes::bigint
FROM (
  SELECT chunk.payload_id, max(chunk.end_byte) AS end_byte
  FROM unnest(@payload_ids::bigint[], @end_bytes::bigint[]) AS chunk(payload_id, end_byte)
  GROUP BY chunk.payload_id
) AS printed
WHERE p.id = printed.payload_id
  AND printed.end_byte > p.output_bytes
  AND p.status IN ('PENDING', 'TRANSFERRED', 'EXECUTING')
RETURNING p.output_truncated;
