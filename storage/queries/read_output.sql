-- What is stored of the output of a payload's current attempt, in order.

-- name: read_output_ends
-- The chunks that have a part in the first or the last @end_bytes of what was printed.
SELECT o.data
FROM payload_output o
JOIN payloads p ON p.id = o.payload_id AND p.attempt = o.attempt
WHERE p.id = @payload_id
  AND (o.start_byte < @end_bytes OR o.end_byte > p.output_bytes - @end_bytes)
ORDER BY o.start_byte;

-- name: read_output_from
-- Nothing when the current attempt is not @attempt, if that is not 0.
SELECT o.start_byte, o.data
FROM payload_output o
JOIN payloads p ON p.id = o.payload_id AND p.attempt = o.attempt
WHERE p.id = @payload_id
  AND @attempt::bigint IN (0, p.attempt)
  AND o.end_byte > @offset
  -- The chunk that holds @offset, if there is one, is the last that starts at or before it. So the index leads to it.
  AND o.start_byte >= coalesce(
    (
      SELECT max(earlier.start_byte)
      FROM payload_output earlier
      WHERE earlier.payload_id = p.id
        AND earlier.attempt = p.attempt
        AND earlier.start_byte <= @offset
    ),
    0
  )
ORDER BY o.start_byte
LIMIT @limit;
