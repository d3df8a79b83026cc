-- Of an output of more than @kept_bytes only the first @head_bytes and the last @tail_bytes are kept.

-- name: delete_middle_of_output
-- Deletes the chunks that lie wholly between head and tail. No chunk crosses the end of the head.
DELETE FROM payload_output o
USING payloads p
WHERE p.id = ANY (@payload_ids::bigint[])
  AND p.output_bytes > @kept_bytes::bigint
  AND o.payload_id = p.id
  AND o.attempt = p.attempt
  AND o.start_byte >= @head_bytes::bigint
  AND o.end_byte <= p.output_bytes - @tail_bytes::bigint;

-- name: trim_output
-- Cuts the chunk in which the tail begins.
UPDATE payload_output o
SET
  start_byte = p.output_bytes - @tail_bytes::bigint,
  data = substr(o.data, (p.output_bytes - @tail_bytes - o.start_byte + 1)::integer)
FROM payloads p
WHERE p.id = ANY (@payload_ids::bigint[])
  AND p.output_bytes > @kept_bytes::bigint
  AND o.payload_id = p.id
  AND o.attempt = p.attempt
  AND o.start_byte >= @head_bytes::bigint
  AND o.start_byte < p.output_bytes - @tail_bytes
  AND o.end_byte > p.output_bytes - @tail_bytes;
