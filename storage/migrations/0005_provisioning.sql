-- What PROVISION_INSTANCE tasks did, for people: the log of every try, the latest last.
CREATE TABLE task_logs (
    task_id bigint PRIMARY KEY REFERENCES tasks (id),
    log text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- Due ones for the workers, and those of an instance.
CREATE INDEX tasks_provisioning ON tasks (run_at, id)
    WHERE status = 'PENDING' AND blocked_by IS NULL AND type = 'PROVISION_INSTANCE';
