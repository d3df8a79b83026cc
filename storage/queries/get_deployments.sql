-- Deployments without their counts.

-- fragment: deployment_columns
d.id,
d.request,
d.script_sha256,
d.script_bytes,
d.stop_reason,
(extract(epoch FROM d.created_at) * 1000000)::bigint AS created_at

-- name: get_deployment
SELECT
  ${deployment_columns}
FROM deployments d
WHERE d.id = @id
  AND ${deployment_in_scope};

-- name: list_deployments
-- An empty @project means every project, 0 as @before the first page.
SELECT
  ${deployment_columns}
FROM deployments d
WHERE (@project = '' OR d.projects @> ARRAY[@project])
  AND (@before::bigint = 0 OR d.id < @before)
  AND ${deployment_in_scope}
ORDER BY d.id DESC
LIMIT @limit;
