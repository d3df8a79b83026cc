-- Whose the things are that were found on an instance. @lines: what was found; @runs: the name of the run that each belongs to.
WITH
-- Every run that this database ever had on the instance, by the name of its run directory.
runs AS (
  SELECT
    -- A run that an api_server of 0.1.0 began has no id; it goes by its numbers.
    coalesce(nullif(run_id, ''), id || '.' || attempt) AS name,
    id,
    status IN ${open_payload_statuses} AS open,
    run_id = '' AS old
  FROM payloads
  WHERE instance_id = @instance_id::bigint

  UNION ALL

  -- Runs of attempts before the current one. They have ended, or there would be no other.
  SELECT unnest(earlier_run_ids), id, false, false
  FROM payloads
  WHERE instance_id = @instance_id::bigint
)
SELECT
  f.line,
  -- Whether it is of this database.
  count(r.id) > 0 AS own,
  -- Whether it is still in use, or will be removed.
  coalesce(
    bool_or(
      r.open
      OR EXISTS (
        SELECT 1
        FROM run_cleanups c
        WHERE c.payload_id = r.id
          AND coalesce(nullif(c.run_id, ''), c.payload_id || '.' || c.attempt) = r.name
      )
    ),
    false
  ) AS expected
FROM unnest(@lines::text[], @runs::text[]) AS f(line, run)
-- An upload of an old run names the payload alone.
LEFT JOIN runs r ON r.name = f.run OR (r.old AND r.id::text = f.run)
GROUP BY f.line
ORDER BY f.line;
