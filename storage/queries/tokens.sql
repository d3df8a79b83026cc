-- The tokens of callers, without their secrets.

-- fragment: token_columns
t.id,
t.name,
t.role,
t.projects,
(extract(epoch FROM t.created_at) * 1000000)::bigint AS created_at,
(extract(epoch FROM t.expires_at) * 1000000)::bigint AS expires_at,
(extract(epoch FROM t.revoked_at) * 1000000)::bigint AS revoked_at,
(extract(epoch FROM t.last_used_at) * 1000000)::bigint AS last_used_at

-- fragment: valid_token
t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())

-- fragment: token_in_scope
-- Who has a token of its own projects alone may see it.
(@every_project::boolean OR t.projects <@ @scope::text[])

-- name: insert_token
-- 0 as @expires_at: never.
INSERT INTO tokens AS t (name, role, projects, secret_sha256, expires_at)
VALUES (
  @name,
  @role,
  @projects::text[],
  @secret_sha256,
  CASE WHEN @expires_at::bigint > 0 THEN to_timestamp(@expires_at / 1000000.0) END
)
RETURNING
  ${token_columns};

-- name: find_token
-- For who shows a token: whether it counts now, and whether it is time to note its use.
SELECT
  ${token_columns},
  t.secret_sha256,
  ${valid_token} AS valid,
  t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute' AS use_is_news
FROM tokens t
WHERE t.id = @id;

-- name: mark_token_used
UPDATE tokens
SET last_used_at = now()
WHERE id = @id;

-- name: any_token
SELECT EXISTS (SELECT 1 FROM tokens) AS any_token;

-- name: lock_tokens
-- Until the end of the transaction nobody else makes a first token.
LOCK TABLE tokens IN SHARE ROW EXCLUSIVE MODE;

-- name: find_valid_tokens
-- Those of @ids that count now.
SELECT t.id
FROM tokens t
WHERE t.id = ANY (@ids::bigint[])
  AND ${valid_token};

-- name: lock_valid_token
-- Who makes something by a token keeps it from being revoked meanwhile.
SELECT t.id
FROM tokens t
WHERE t.id = @id
  AND ${valid_token}
FOR SHARE;

-- name: list_tokens
SELECT
  ${token_columns}
FROM tokens t
WHERE t.id > @after
  AND ${token_in_scope}
ORDER BY t.id
LIMIT @limit;

-- name: revoke_token
-- The first time counts.
UPDATE tokens t
SET revoked_at = coalesce(t.revoked_at, now())
WHERE t.id = @id
  AND ${token_in_scope}
RETURNING
  ${token_columns};
