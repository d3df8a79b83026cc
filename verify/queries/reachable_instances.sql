-- The instances that may have been delivered to. Without a pinned host key nothing was ever sent, and none can be trusted.
SELECT
  i.id,
  i.address,
  i.port,
  i.ssh_user,
  i.host_key,
  i.become,
  -- The hosts on the way to it, the first one first, of each four texts.
  ARRAY(
    SELECT coalesce(hop.host::jsonb ->> field.name, '')
    FROM unnest(i.jump) WITH ORDINALITY AS hop (host, number)
    CROSS JOIN unnest('{address,port,sshUser,hostKey}'::text[]) WITH ORDINALITY AS field (name, number)
    ORDER BY hop.number, field.number
  ) AS jump,
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
