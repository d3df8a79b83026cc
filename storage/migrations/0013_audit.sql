-- An address belongs to one project.
CREATE INDEX instances_address ON instances (lower(address), port);

-- Who changed what, and who was refused. Rows are only added.
CREATE TABLE audit_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    -- The token's name and id; '' and 0: no token that counts was shown.
    principal text NOT NULL,
    token_id bigint NOT NULL,
    peer text NOT NULL,
    method text NOT NULL,
    -- Of what was changed or asked for; '': of several, or not known.
    project text NOT NULL,
    ids bigint[] NOT NULL,
    script_sha256 bytea NOT NULL,
    code text NOT NULL,
    reason text NOT NULL,
    request_id text NOT NULL
);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_project ON audit_events (project, id);

CREATE FUNCTION audit_events_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit only grows' USING ERRCODE = 'check_violation';
END
$$;
CREATE TRIGGER audit_events_guard BEFORE UPDATE OR DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_events_guard();
CREATE TRIGGER audit_events_truncate_guard BEFORE TRUNCATE ON audit_events EXECUTE FUNCTION audit_events_guard();
