-- invariant 3: a failure's reason agrees with its result
SELECT
  'payload ' || id AS subject,
  status || ' ' || failure_reason || ' with exit status ' || coalesce(exit_code::text, 'unknown')
    || CASE WHEN executed THEN '' ELSE ', not executed' END AS detail
FROM payloads
WHERE
  -- What FAILED has a reason, and nothing else has one.
  (status = 'FAILED') <> (failure_reason <> '')
  -- A script that exits with another status than 0 fails for that reason and no other.
  OR (failure_reason = 'NONZERO_EXIT') <> (coalesce(exit_code, 0) <> 0)
  -- These happen to a script that was started.
  OR (
    failure_reason IN ('NONZERO_EXIT', 'KILLED_BY_SIGNAL', 'EXECUTION_TIMEOUT', 'INTERRUPTED')
    AND NOT executed
  )
  -- These leave no exit status to be known.
  OR (
    failure_reason IN ('HOST_KEY_MISMATCH', 'AUTHENTICATION_FAILED', 'DELIVERY_TIMEOUT', 'DEPENDENCY_FAILED')
    AND exit_code IS NOT NULL
  )
  -- A failure is explained to its reader.
  OR (status = 'FAILED' AND error = '');
