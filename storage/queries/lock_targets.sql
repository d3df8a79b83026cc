-- Instances that a deployment is to reach. Each is locked, so that it cannot be terminated before the deployment is stored.

-- fragment: target_columns
i.id, i.status, i.project, i.ssh_user, i.home, i.become, i.terminating

-- name: lock_targets
SELECT ${target_columns}
FROM instances i
WHERE i.id = ANY (@ids::bigint[])
  AND ${in_scope}
ORDER BY i.id
FOR SHARE;

-- name: lock_matching_targets
-- An instance matches when it has all of @tags.
SELECT ${target_columns}
FROM instances i
WHERE i.project = @project
  AND i.tags @> @tags::text[]
  AND i.status NOT IN ('FAILED', 'TERMINATED')
  AND NOT i.terminating
  AND ${in_scope}
ORDER BY i.id
LIMIT @limit
FOR SHARE;
