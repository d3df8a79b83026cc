-- Instances with all that the API shows of them.

-- fragment: instance_columns
-- Of an instance i, the payload p that came with it, and that payload's task t; p and t may be missing.
i.id,
i.name,
i.project,
i.provider,
i.region,
i.size,
i.image,
i.address,
i.port,
i.ssh_user,
i.host_key,
i.tags,
i.pool,
i.become,
i.jump,
i.status,
i.status_error,
-- How far the payload has come. One that was delivered only counts as COPIED until somebody asks to have it run.
CASE
  WHEN p.id IS NULL THEN 'NONE'
  WHEN p.status = 'COMPLETED' THEN 'EXECUTED'
  WHEN p.status IN ('FAILED', 'CANCELLED') THEN CASE WHEN p.copied THEN 'EXECUTION_FAILED' ELSE 'COPY_FAILED' END
  WHEN p.status = 'PENDING' THEN 'PENDING_COPY'
  WHEN p.status = 'EXECUTING' OR p.execute_payload THEN 'PENDING_EXECUTION'
  WHEN t.type = 'PAYLOAD_EXECUTE' THEN 'PENDING_EXECUTION'
  ELSE 'COPIED'
END AS payload_status,
coalesce(p.error, '') AS payload_error,
(extract(epoch FROM i.created_at) * 1000000)::bigint AS created_at,
(extract(epoch FROM i.updated_at) * 1000000)::bigint AS updated_at

-- name: get_instance
SELECT
  ${instance_columns}
FROM instances i
LEFT JOIN payloads p ON p.id = i.payload_id
LEFT JOIN tasks t ON t.id = p.task_id
WHERE i.id = @id
  AND ${in_scope};

-- name: get_instances
SELECT
  ${instance_columns}
FROM instances i
LEFT JOIN payloads p ON p.id = i.payload_id
LEFT JOIN tasks t ON t.id = p.task_id
WHERE i.id = ANY (@ids::bigint[])
  AND ${in_scope}
ORDER BY i.id;

-- name: list_instance_states
SELECT i.id, i.status
FROM instances i
WHERE i.id = ANY (@ids::bigint[])
  AND ${in_scope};

-- name: list_matching_instance_states
-- Of those of a project that have all of @tags, whatever their status.
SELECT i.id, i.status
FROM instances i
WHERE i.project = @project
  AND i.tags @> @tags::text[]
  AND ${in_scope};

-- name: list_instances
-- An empty @project or @status means every one; an instance matches when it has all of @tags.
-- planned each time
SELECT
  ${instance_columns}
FROM instances i
LEFT JOIN payloads p ON p.id = i.payload_id
LEFT JOIN tasks t ON t.id = p.task_id
WHERE i.id > @after
  AND (@project = '' OR i.project = @project)
  AND i.tags @> @tags::text[]
  AND (@status = '' OR i.status = @status)
  AND ${in_scope}
ORDER BY i.id
LIMIT @limit;
