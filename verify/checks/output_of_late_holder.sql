-- invariant 7: the output was written by holders in the order of their leases
WITH chunks AS (
  ${chunks}
)
SELECT
  'payload ' || id AS subject,
  'byte ' || start_byte || ' is of epoch ' || lease_epoch || ', bytes before it of epoch ' || epoch_before AS detail
FROM chunks
WHERE lease_epoch < epoch_before
  -- 0 is output of before the epoch was kept with it.
  AND lease_epoch > 0;
