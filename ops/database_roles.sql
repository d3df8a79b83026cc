-- Three roles for Longshore's database, so that an api_server that is taken over cannot change the schema or the audit. Run it as
-- a superuser in the new database, and again after each api_server --migrate_only; it changes nothing that is as it should be:
--
--   psql -v owner=longshore_owner -v application=longshore -v reader=longshore_reader -f ops/database_roles.sql DATABASE
--
-- owner: for `api_server --migrate_only`. application: for api_servers. reader: for `longshore verify`. How they log in is up to
-- you: give them passwords (\password ROLE) or certificates (pg_hba.conf).
\set ON_ERROR_STOP on

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY[:'owner', :'application', :'reader']) AS wanted(name)
WHERE NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted.name)
\gexec

-- Nobody but the owner makes tables.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"application", :"reader";

-- What is there already, and what the owner will make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :"application";
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :"application";
GRANT SELECT ON ALL TABLES IN SCHEMA public TO :"reader";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"application";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE ON SEQUENCES TO :"application";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO :"reader";

-- The audit only grows, the ledger of migrations is the owner's, and nobody but api_servers has to do with tokens.
SELECT format('REVOKE UPDATE, DELETE, TRUNCATE ON audit_events FROM %I', :'application')
WHERE to_regclass('audit_events') IS NOT NULL
UNION ALL
SELECT format('REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM %I', :'application')
WHERE to_regclass('schema_migrations') IS NOT NULL
UNION ALL
SELECT format('REVOKE SELECT ON tokens FROM %I', :'reader')
WHERE to_regclass('tokens') IS NOT NULL
\gexec
