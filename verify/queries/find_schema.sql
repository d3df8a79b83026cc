-- Whether this is a database of Longshore at all.
SELECT to_regclass('schema_migrations') IS NOT NULL AS found;
