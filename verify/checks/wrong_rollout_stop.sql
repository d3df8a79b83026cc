-- invariant 9: a rollout stops at max_errors and not before
SELECT
  'deployment ' || d.id AS subject,
  f.failed || ' failed, max_errors is ' || d.max_errors || ', stop_reason is ''' || d.stop_reason || '''' AS detail
FROM deployments d
CROSS JOIN LATERAL (
  SELECT count(*) AS failed
  FROM payloads p
  WHERE p.deployment_id = d.id
    AND p.status = 'FAILED'
) f
WHERE
  -- It stopped too early; of one that has lost old payloads nobody can tell any more.
  (d.stop_reason <> '' AND f.failed < d.max_errors AND d.pruned_at IS NULL)
  -- It did not stop; 0 is no limit.
  OR (
    d.max_errors > 0
    AND f.failed >= d.max_errors
    AND d.stop_reason = ''
    -- A retry lifts the stop while those that failed before are run again.
    AND NOT EXISTS (
      SELECT 1
      FROM payloads p
      WHERE p.deployment_id = d.id
        AND (p.attempt > 1 OR p.status IN ${open_payload_statuses})
    )
  );
