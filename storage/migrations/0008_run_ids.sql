-- All at once, so that nobody has one of them meanwhile and waits for another.
LOCK TABLE tasks, payloads, run_cleanups IN ACCESS EXCLUSIVE MODE;

-- A run is named on its instance by a random id of 128 bits, new for each attempt: the run of another installation, of a database that
-- was restored, or of the host that this one was cloned from has another name and is never taken for it.
ALTER TABLE payloads
    -- Of the current attempt, 32 hexadecimal digits. Empty: the payload is from before runs had ids, its run is named PAYLOAD.ATTEMPT.
    ADD COLUMN run_id text NOT NULL DEFAULT '' CHECK (run_id = '' OR run_id ~ '^[0-9a-f]{32}$'),
    -- The names of the runs of the attempts before it, of which something may still lie on the instance.
    ADD COLUMN earlier_run_ids text[] NOT NULL DEFAULT '{}';

ALTER TABLE run_cleanups
    -- As in payloads, of the attempt that it cleans up after.
    ADD COLUMN run_id text NOT NULL DEFAULT '',
    -- Who was asked last to remove it: nobody else says that it is gone. Which time that was is `failures`.
    ADD COLUMN worker text NOT NULL DEFAULT '';

CREATE OR REPLACE FUNCTION tasks_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.lease_epoch < OLD.lease_epoch THEN
        RAISE EXCEPTION 'lease_epoch of task % cannot go down', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'task % is % and cannot change', OLD.id, OLD.status USING ERRCODE = 'check_violation';
    END IF;
    -- An api_server from before runs had ids would let a worker look for the run under its old name, and start it a second time. Its
    -- claim becomes a postponement, so that it does not try again at once.
    IF OLD.status = 'PENDING' AND NEW.status = 'RUNNING' AND current_setting('longshore.runs_have_ids', true) IS DISTINCT FROM 'on'
        AND EXISTS (SELECT 1 FROM payloads WHERE id = NEW.payload_id AND run_id <> '') THEN
        NEW := OLD;
        NEW.run_at := now() + interval '1 second';
        NEW.worker := '';
    END IF;
    RETURN NEW;
END
$$;

-- An older api_server that retries a payload does not give it a new run: the new attempt is named in the old way then, and never takes
-- the run of the one before for its own.
CREATE OR REPLACE FUNCTION payloads_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.attempt > OLD.attempt THEN
        IF NEW.run_id <> '' AND NEW.run_id = OLD.run_id THEN
            NEW.earlier_run_ids := OLD.earlier_run_ids || OLD.run_id;
            NEW.run_id := '';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'payload % is % and cannot change', OLD.id, OLD.status USING ERRCODE = 'check_violation';
    END IF;
    IF (OLD.status = 'TRANSFERRED' AND NEW.status = 'PENDING')
        OR (OLD.status = 'EXECUTING' AND NEW.status IN ('PENDING', 'TRANSFERRED')) THEN
        RAISE EXCEPTION 'payload % cannot go from % to %', OLD.id, OLD.status, NEW.status
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;

-- Nor does it know whose directory it asks a worker to remove: what it remembers gets the id, and what has one is not its to ask for.
CREATE FUNCTION run_cleanups_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.run_id = '' THEN
        NEW.run_id := coalesce((SELECT run_id FROM payloads WHERE id = NEW.payload_id AND attempt = NEW.attempt), '');
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.run_id <> '' AND NEW.failures > OLD.failures
        AND current_setting('longshore.runs_have_ids', true) IS DISTINCT FROM 'on' THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER run_cleanups_guard BEFORE INSERT OR UPDATE ON run_cleanups FOR EACH ROW EXECUTE FUNCTION run_cleanups_guard();
