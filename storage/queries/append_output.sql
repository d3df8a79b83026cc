-- What scripts print arrives in chunks: they are stored and counted.

-- fragment: append_output
-- Of `chunks`.
--
-- A chunk belongs to the current attempt of its payload. One that was stored before is left alone, so a chunk may arrive twice.
stored AS (
  INSERT INTO payload_output (payload_id, attempt, start_byte, end_byte, data, lease_epoch)
  SELECT chunk.payload_id, p.attempt, chunk.start_byte, chunk.end_byte, chunk.data, chunk.lease_epoch
  FROM chunks chunk
  JOIN payloads p ON p.id = chunk.payload_id
  ON CONFLICT DO NOTHING
),

grown AS (
  UPDATE payloads p
  SET
    output_bytes = printed.end_byte,
    updated_at = now(),
    output_truncated = printed.end_byte > @kept_bytes::bigint
  FROM (
    SELECT payload_id, max(end_byte) AS end_byte
    FROM chunks
    GROUP BY payload_id
  ) AS printed
  WHERE p.id = printed.payload_id
    AND printed.end_byte > p.output_bytes
    AND ${open_payload}
  RETURNING p.output_truncated
)

-- name: append_output
-- Tells of each payload whose output has grown whether it is longer now than what is kept.
WITH chunks AS (
  SELECT *
  FROM unnest(
    @payload_ids::bigint[],
    @start_bytes::bigint[],
    @end_bytes::bigint[],
    @data::bytea[],
    @lease_epochs::bigint[]
  ) AS chunk(payload_id, start_byte, end_byte, data, lease_epoch)
),

${append_output}

SELECT output_truncated
FROM grown;

-- name: append_held_output
-- Of scripts that run, of tasks that their workers hold. A row for each chunk of theirs.
WITH chunks AS MATERIALIZED (
  SELECT t.payload_id, told.start_byte, told.end_byte, told.data, told.lease_epoch
  FROM unnest(
    @task_ids::bigint[],
    @lease_epochs::bigint[],
    @workers::text[],
    @start_bytes::bigint[],
    @end_bytes::bigint[],
    @data::bytea[]
  ) AS told(task_id, lease_epoch, worker, start_byte, end_byte, data)
  JOIN tasks t ON ${held_as_told}
  JOIN payloads p ON p.id = t.payload_id
  WHERE ${runs}
  ORDER BY t.id
  FOR UPDATE OF t
),

${append_output}

SELECT payload_id AS held_payload_id
FROM chunks;
