-- Deployments without their counts.

-- fragment: deployment_columns
d.id,
d.request,
d.script_sha256,
d.script_bytes,
d.stop_reason,
d.rollout_state,
d.paused,
d.wave_state,
d.wave,
cardinality(d.waves) AS wave_count,
(extract(epoch FROM d.next_wave_at) * 1000000)::bigint AS next_wave_at,
d.check_deployment_id,
d.traceparent,
(extract(epoch FROM d.created_at) * 1000000)::bigint AS created_at

-- name: get_deployment
SELECT
  ${deployment_columns}
FROM deployments d
WHERE d.id = @id
  AND ${deployment_in_scope};

-- name: list_deployments
-- An empty @project means every project, 0 as @before the first page.
-- planned each time
SELECT
  ${deployment_columns}
FROM deployments d
WHERE (@project = '' OR d.projects @> ARRAY[@project])
  AND (@before::bigint = 0 OR d.id < @before)
  AND ${deployment_in_scope}
ORDER BY d.id DESC
LIMIT @limit;

-- name: get_deployment_summary
SELECT
  coalesce(d.projects[1], '') AS project,
  (SELECT min(p.id) FROM payloads p WHERE p.deployment_id = d.id) AS first_payload_id
FROM deployments d
WHERE d.id = @id;
