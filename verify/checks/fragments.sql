-- What several checks share.

-- fragment: open_payload_statuses
-- A payload in one of these has not ended. TRANSFERRED may be its rest, when nobody asked to run it.
('PENDING', 'TRANSFERRED', 'EXECUTING')

-- fragment: open_task_statuses
-- A task in one of these has not ended.
('PENDING', 'RUNNING')

-- fragment: has_open_task
-- Whether payload p has a task that has not ended.
EXISTS (
  SELECT 1
  FROM tasks t
  WHERE t.payload_id = p.id
    AND t.status IN ${open_task_statuses}
)

-- fragment: chunks
-- The chunks of the current attempt of every payload. `before` is the end of the chunk before it, `epoch_before` the highest
-- lease_epoch of all chunks before it.
SELECT
  p.id,
  p.output_truncated,
  o.start_byte,
  o.lease_epoch,
  lag(o.end_byte, 1, 0::bigint) OVER w AS before,
  max(o.lease_epoch) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS epoch_before
FROM payloads p
JOIN payload_output o ON o.payload_id = p.id AND o.attempt = p.attempt
WINDOW w AS (PARTITION BY p.id ORDER BY o.start_byte)
