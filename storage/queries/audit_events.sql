-- The audit: who changed what, and who was refused.

-- name: insert_audit_event
INSERT INTO audit_events (
  principal,
  token_id,
  peer,
  method,
  project,
  ids,
  script_sha256,
  code,
  reason,
  request_id
)
VALUES (
  @principal,
  @token_id,
  @peer,
  @method,
  @project,
  @ids::bigint[],
  @script_sha256,
  @code,
  @reason,
  @request_id
);

-- name: list_audit_events
-- The latest first. 0 as @from_time or @to_time (microseconds since the epoch) leaves that end open, an empty @project or
-- @principal means every one, 0 as @before the first page.
-- planned each time
SELECT
  i.id,
  (extract(epoch FROM i.at) * 1000000)::bigint AS at,
  i.principal,
  i.token_id,
  i.peer,
  i.method,
  i.project,
  i.ids::text[] AS ids,
  i.script_sha256,
  i.code,
  i.reason,
  i.request_id
FROM audit_events i
WHERE (@from_time::bigint = 0 OR i.at >= to_timestamp(@from_time / 1000000.0))
  AND (@to_time::bigint = 0 OR i.at < to_timestamp(@to_time / 1000000.0))
  AND (@project = '' OR i.project = @project)
  AND (@principal = '' OR i.principal = @principal)
  AND (@before::bigint = 0 OR i.id < @before)
  AND ${in_scope}
ORDER BY i.id DESC
LIMIT @limit;
