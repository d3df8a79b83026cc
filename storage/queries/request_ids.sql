-- Answers by the callers' request ids, so that the same request again gets the same answer. Each token has its own; 0: of who
-- has none.

-- name: get_request_answer
SELECT fingerprint, response
FROM request_ids
WHERE token_id = @token_id
  AND method = @method
  AND request_id = @request_id;

-- name: claim_request_id
-- Whoever inserts the row is to answer. Where another transaction has inserted it and not yet ended, this one waits for its end.
INSERT INTO request_ids (token_id, method, request_id, fingerprint, response)
VALUES (@token_id, @method, @request_id, @fingerprint, '')
ON CONFLICT DO NOTHING;

-- name: set_request_answer
UPDATE request_ids
SET response = @response
WHERE token_id = @token_id
  AND method = @method
  AND request_id = @request_id;
