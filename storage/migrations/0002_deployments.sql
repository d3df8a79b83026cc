-- Deployments to fleets: the request as it was made, and how far its rollout has come.
ALTER TABLE deployments
    -- DeployPayloadRequest without the script.
    ADD COLUMN request bytea NOT NULL DEFAULT '',
    -- Of the instances that were taken.
    ADD COLUMN projects text[] NOT NULL DEFAULT '{}',
    -- 0: no limit.
    ADD COLUMN max_concurrency integer NOT NULL DEFAULT 0 CHECK (max_concurrency >= 0),
    ADD COLUMN max_errors integer NOT NULL DEFAULT 0 CHECK (max_errors >= 0),
    -- OPEN: tasks wait at the gate for a place. STOPPING: max_errors have failed, what was not started is being cancelled.
    ADD COLUMN rollout_state text NOT NULL DEFAULT 'NONE' CHECK (rollout_state IN ('NONE', 'OPEN', 'STOPPING', 'STOPPED')),
    ADD COLUMN stop_reason text NOT NULL DEFAULT '';
CREATE INDEX deployments_projects ON deployments USING gin (projects);
CREATE INDEX deployments_rollout ON deployments (id) WHERE rollout_state IN ('OPEN', 'STOPPING');

ALTER TABLE tasks
    ADD COLUMN deployment_id bigint REFERENCES deployments (id),
    -- Waits for a place among the max_concurrency of its deployment.
    ADD COLUMN gated boolean NOT NULL DEFAULT false,
    -- Its holder is to stop unless the script has been started.
    ADD COLUMN recall_requested boolean NOT NULL DEFAULT false,
    ADD CHECK (status = 'PENDING' OR NOT gated);
UPDATE tasks t SET deployment_id = p.deployment_id FROM payloads p
    WHERE p.id = t.payload_id AND t.status IN ('PENDING', 'RUNNING');

DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (run_at, id)
    WHERE status = 'PENDING' AND waiting_since IS NULL AND blocked_by IS NULL AND NOT gated;
DROP INDEX tasks_expiring;
CREATE INDEX tasks_expiring ON tasks (deliver_by) WHERE status = 'PENDING' AND waiting_since IS NULL AND NOT gated;
CREATE INDEX tasks_deployment ON tasks (deployment_id, gated, run_at, id) WHERE status IN ('PENDING', 'RUNNING');

-- Counts by status come from the index alone.
DROP INDEX payloads_deployment;
CREATE INDEX payloads_deployment ON payloads (deployment_id, status);
