-- The ledger of the migrations that the database has had. The migrations cannot make it themselves: it says which of them are
-- missing.

-- name: lock_migrations
-- The session holds this lock, so it is free again when its process dies. The number is any one of Longshore's own.
SELECT pg_advisory_lock(7203964170);

-- name: has_schema_migrations
SELECT to_regclass('schema_migrations') IS NOT NULL AS there;

-- name: create_schema_migrations
CREATE TABLE IF NOT EXISTS schema_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: get_schema_version
-- 0: no migration has been applied.
SELECT coalesce(max(version), 0) AS version
FROM schema_migrations;

-- name: insert_schema_migration
INSERT INTO schema_migrations (version, name)
VALUES (@version, @name);

-- name: get_session_settings
-- What CheckSessions has set, and what every connection sets when it is opened.
SELECT
  current_setting('longshore.session', true) AS session,
  coalesce(current_setting('longshore.runs_have_ids', true), '') AS runs_have_ids;
