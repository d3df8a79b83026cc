-- name: find_outgrown_tables
-- A table has outgrown its statistics when it has four times the pages that it had then, and some more. The larger ones are
-- left to autovacuum, and all to their owner. So is one with less than a row a page, as a large transaction makes it while it is
-- under way, and leaves it when it is given up: by statistics of many pages and no rows each index would seem as good as the
-- next, and a large transaction would read the whole of one for each of its rows.
SELECT c.relname AS name
FROM pg_class c
WHERE c.oid IN ('tasks'::regclass, 'payloads'::regclass)
  AND c.relpages < 10000
  AND pg_relation_size(c.oid) / current_setting('block_size')::bigint > 4 * c.relpages + 40
  AND pg_relation_size(c.oid) / current_setting('block_size')::bigint <= pg_stat_get_live_tuples(c.oid)
  AND pg_has_role(c.relowner, 'USAGE')
ORDER BY c.relname;

-- name: count_rows_at_once
-- As soon as the transaction has ended, not within ten seconds.
SELECT pg_stat_force_next_flush();
