-- The instances that may have been delivered to. Without a pinned host key nothing was ever sent, and none can be trusted.
SELECT
  i.id,
  i.address,
  i.port,
  i.ssh_user,
  i.host_key,
  -- Where uploads of its latest payloads may lie: the directories of their remote_path, unless that is relative to the home.
  (
    SELECT coalesce(array_agg(DISTINCT d.directory), '{}')
    FROM (
      SELECT regexp_replace(p.remote_path, '/[^/]*$', '') AS directory
      FROM payloads p
      WHERE p.instance_id = i.id
        AND p.remote_path LIKE '/%'
      ORDER BY p.id DESC
      LIMIT 1000
    ) d
    -- A file in / leaves nothing to be named.
    WHERE d.directory <> ''
  ) AS directories
FROM instances i
WHERE i.status NOT IN ('TERMINATED', 'FAILED')
  AND i.host_key <> ''
ORDER BY i.id;
