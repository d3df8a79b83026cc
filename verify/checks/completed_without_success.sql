-- invariant 3: COMPLETED means exit status 0
SELECT
  'payload ' || id AS subject,
  'COMPLETED with exit status ' || coalesce(exit_code::text, 'unknown')
    || CASE WHEN executed THEN '' ELSE ', not executed' END AS detail
FROM payloads
WHERE status = 'COMPLETED'
  AND (
    -- An exit status that is not known is none.
    exit_code IS DISTINCT FROM 0
    OR NOT executed
    OR failure_reason <> ''
  );
