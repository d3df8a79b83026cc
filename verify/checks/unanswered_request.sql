-- invariant 6: an accepted request has its answer
-- One transaction writes both, so that a request that is repeated gets the answer again.
SELECT
  'request_id ' || request_id AS subject,
  method || ' has no answer' AS detail
FROM request_ids
WHERE length(response) = 0;
