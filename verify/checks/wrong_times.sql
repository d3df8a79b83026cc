-- invariant 5: executed and times agree with the status
SELECT
  'payload ' || id AS subject,
  status || ', executed ' || executed || ', started ' || coalesce(started_at::text, 'never') || ', finished '
    || coalesce(finished_at::text, 'never') AS detail
FROM payloads
WHERE
  -- What was executed has a time of its start, and what has ended a time of its end; nothing else has them.
  executed <> (started_at IS NOT NULL)
  OR (status IN ${open_payload_statuses}) <> (finished_at IS NULL)
  -- The start of the script is what makes a payload EXECUTING.
  OR (status = 'EXECUTING' AND NOT executed)
  OR (status IN ('PENDING', 'TRANSFERRED') AND executed)
  OR execution_time_us < 0
  -- Only a script that was started has an exit status.
  OR (exit_code IS NOT NULL AND NOT executed);
