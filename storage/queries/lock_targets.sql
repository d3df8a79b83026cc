-- Instances that a deployment is to reach. Each is locked, so that it cannot be terminated before the deployment is stored.

-- fragment: target_columns
id, status, project, ssh_user, home, terminating

-- name: lock_targets
SELECT ${target_columns}
FROM instances
WHERE id = ANY (@ids::bigint[])
ORDER BY id
FOR SHARE;

-- name: lock_matching_targets
-- An empty @project means every project; an instance matches when it has all of @tags.
SELECT ${target_columns}
FROM instances
WHERE (@project = '' OR project = @project)
  AND tags @> @tags::text[]
  AND status NOT IN ('FAILED', 'TERMINATED')
  AND NOT terminating
ORDER BY id
LIMIT @limit
FOR SHARE;
