-- What is older than it is to be kept goes (queries/prune.sql).
LOCK TABLE tasks, deployments IN ACCESS EXCLUSIVE MODE;

-- It says again what the task's payload says, and would need an index of its own.
ALTER TABLE tasks DROP CONSTRAINT tasks_deployment_id_fkey;

-- Since when some of its payloads are gone: its counts are of the others.
ALTER TABLE deployments ADD COLUMN pruned_at timestamptz;

-- The audit only grows, but for its retention, which has to be asked for by name and cannot take the last 720 hours. Who may not
-- delete from the table, as the application's role of ops/database_roles.sql, may not do that either.
CREATE OR REPLACE FUNCTION audit_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('longshore.pruning', true) = 'on' AND OLD.at < now() - interval '720 hours' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit only grows' USING ERRCODE = 'check_violation';
END
$$;
