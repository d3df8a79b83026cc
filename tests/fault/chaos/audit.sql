-- What happened in the database, written down by triggers of the test's own, so that the checker sees every step and not only the
-- last state.
CREATE SCHEMA audit;
CREATE TABLE audit.payloads (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payload_id bigint, attempt integer, old_attempt integer, old_status text, new_status text, executed boolean,
    exit_code integer, reason text);
CREATE TABLE audit.tasks (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id bigint, old_epoch bigint, new_epoch bigint, old_status text, new_status text, worker text);
CREATE TABLE audit.output (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payload_id bigint, attempt integer, start_byte bigint, epoch bigint, task_epoch bigint, task_status text);

CREATE FUNCTION audit.payload() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.payloads (payload_id, attempt, old_attempt, old_status, new_status, executed, exit_code, reason)
    VALUES (NEW.id, NEW.attempt, CASE TG_OP WHEN 'UPDATE' THEN OLD.attempt END, CASE TG_OP WHEN 'UPDATE' THEN OLD.status END,
            NEW.status, NEW.executed, NEW.exit_code, NEW.failure_reason);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_insert AFTER INSERT ON payloads FOR EACH ROW EXECUTE FUNCTION audit.payload();
CREATE TRIGGER audit_update AFTER UPDATE ON payloads FOR EACH ROW
    WHEN (OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
        OR (OLD.status, OLD.attempt, OLD.executed) IS DISTINCT FROM (NEW.status, NEW.attempt, NEW.executed))
    EXECUTE FUNCTION audit.payload();

CREATE FUNCTION audit.task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.tasks (task_id, old_epoch, new_epoch, old_status, new_status, worker)
    VALUES (NEW.id, OLD.lease_epoch, NEW.lease_epoch, OLD.status, NEW.status, NEW.worker);
    RETURN NULL;
END $$;
CREATE TRIGGER audit_update AFTER UPDATE ON tasks FOR EACH ROW
    WHEN ((OLD.status, OLD.lease_epoch) IS DISTINCT FROM (NEW.status, NEW.lease_epoch)) EXECUTE FUNCTION audit.task();

CREATE FUNCTION audit.chunk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit.output (payload_id, attempt, start_byte, epoch, task_epoch, task_status)
    SELECT NEW.payload_id, NEW.attempt, NEW.start_byte, NEW.lease_epoch, t.lease_epoch, t.status
    FROM payloads p JOIN tasks t ON t.id = p.task_id WHERE p.id = NEW.payload_id;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_insert AFTER INSERT ON payload_output FOR EACH ROW EXECUTE FUNCTION audit.chunk();
