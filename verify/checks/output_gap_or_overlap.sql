-- invariant 4: the output has no gap and no byte twice
WITH chunks AS (
  ${chunks}
)
SELECT
  'payload ' || id AS subject,
  'output continues at byte ' || start_byte || ' after byte ' || before AS detail
FROM chunks
WHERE start_byte < before
   OR (
     start_byte > before
     -- What is over the limit is cut out, once, behind the head.
     AND NOT (output_truncated AND before = @head_bytes::bigint)
   );
