-- name: find_outgrown_tables
-- A table has outgrown its statistics when it has four times the pages that it had then, and some more. The larger ones are
-- left to autovacuum, and all to their owner. Not one of many pages and next to no rows: statistics would have them made into a
-- plan by which each index is as good as the next, and every row of a large transaction that is under way, or was given up,
-- would be read for each of its rows.
SELECT c.relname AS name
FROM pg_class c
WHERE c.oid IN ('tasks'::regclass, 'payloads'::regclass)
  AND c.relpages < 10000
  AND pg_relation_size(c.oid) / current_setting('block_size')::bigint > 4 * c.relpages + 40
  AND pg_relation_size(c.oid) / current_setting('block_size')::bigint <= pg_stat_get_live_tuples(c.oid)
  AND pg_has_role(c.relowner, 'USAGE')
ORDER BY c.relname;

-- name: prepare_to_insert
-- Rows are counted as soon as the transaction has ended, not within ten seconds.
SELECT pg_stat_force_next_flush();
