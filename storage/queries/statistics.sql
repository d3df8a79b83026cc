-- name: find_outgrown_tables
-- A table has outgrown its statistics when it has four times the pages that it had then, and some more. The larger ones are
-- left to autovacuum, and all to their owner.
SELECT c.relname AS name
FROM pg_class c
WHERE c.oid IN ('tasks'::regclass, 'payloads'::regclass)
  AND c.relpages < 10000
  AND pg_relation_size(c.oid) / current_setting('block_size')::bigint > 4 * c.relpages + 40
  AND pg_has_role(c.relowner, 'USAGE')
ORDER BY c.relname;

-- name: try_lock_statistics
-- Not while somebody inserts many rows. The number is any one of Longshore's own.
SELECT pg_try_advisory_xact_lock(7203964172) AS locked;

-- name: hold_statistics
-- Nobody gathers them until the transaction has ended.
SELECT pg_advisory_xact_lock_shared(7203964172);
