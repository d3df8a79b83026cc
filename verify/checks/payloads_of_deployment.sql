-- invariant 6: a deployment has one payload for each of its instances
SELECT
  'deployment ' || deployment_id AS subject,
  count(*) || ' payloads for instance ' || instance_id AS detail
FROM payloads
GROUP BY deployment_id, instance_id
HAVING count(*) > 1

UNION ALL

-- One transaction writes a deployment and its payloads, so there is none without.
SELECT
  'deployment ' || d.id,
  'has no payload'
FROM deployments d
WHERE NOT EXISTS (
  SELECT 1
  FROM payloads p
  WHERE p.deployment_id = d.id
);
