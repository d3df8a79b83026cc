-- The life of an instance: the payload that came with it, and its end.
ALTER TABLE instances
    -- The payload of CreateInstance or UpdateInstance: payload_status and payload_error are derived from it.
    ADD COLUMN payload_id bigint REFERENCES payloads (id),
    -- TerminateInstance was asked for: nothing new is taken.
    ADD COLUMN terminating boolean NOT NULL DEFAULT false,
    DROP COLUMN payload_status,
    DROP COLUMN payload_error;
-- The script has been complete at remote_path.
ALTER TABLE payloads ADD COLUMN copied boolean NOT NULL DEFAULT false;

-- Tasks of payloads are claimed for workers, tasks of instances by the api_servers themselves.
DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (run_at, id)
    WHERE status = 'PENDING' AND waiting_since IS NULL AND blocked_by IS NULL AND NOT gated AND payload_id IS NOT NULL;
DROP INDEX tasks_expiring;
CREATE INDEX tasks_expiring ON tasks (deliver_by)
    WHERE status = 'PENDING' AND waiting_since IS NULL AND NOT gated AND payload_id IS NOT NULL;
CREATE INDEX tasks_of_instances ON tasks (run_at, id)
    WHERE status = 'PENDING' AND blocked_by IS NULL AND payload_id IS NULL;
