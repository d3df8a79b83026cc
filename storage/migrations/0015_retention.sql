-- What finds rows that are old enough to go, and what their foreign keys are looked up by when they do.
CREATE INDEX payloads_finished ON payloads (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX tasks_of_instances_ended ON tasks (updated_at) WHERE payload_id IS NULL AND status NOT IN ('PENDING', 'RUNNING');

CREATE INDEX tasks_depends_on ON tasks (depends_on) WHERE depends_on IS NOT NULL;

CREATE INDEX instances_payload ON instances (payload_id) WHERE payload_id IS NOT NULL;

CREATE INDEX request_ids_created ON request_ids (created_at);

-- It says again what the task's payload says, and would need an index of its own.
ALTER TABLE tasks DROP CONSTRAINT tasks_deployment_id_fkey;

-- The audit only grows, but for its retention, which has to be asked for by name and cannot take the last 30 days. Who may not
-- delete from the table, as the application's role of ops/database_roles.sql, may not do that either.
CREATE OR REPLACE FUNCTION audit_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('longshore.pruning', true) = 'on' AND OLD.at < now() - interval '30 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the audit only grows' USING ERRCODE = 'check_violation';
END
$$;
