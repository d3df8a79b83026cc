-- Deployments without their counts.

-- fragment: deployment_columns
id,
request,
script_sha256,
script_bytes,
stop_reason,
(extract(epoch FROM created_at) * 1000000)::bigint AS created_at

-- name: get_deployment
SELECT
  ${deployment_columns}
FROM deployments
WHERE id = @id;

-- name: list_deployments
-- An empty @project means every project, 0 as @before the first page.
SELECT
  ${deployment_columns}
FROM deployments
WHERE (@project = '' OR projects @> ARRAY[@project])
  AND (@before::bigint = 0 OR id < @before)
ORDER BY id DESC
LIMIT @limit;
