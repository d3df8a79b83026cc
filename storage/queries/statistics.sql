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
