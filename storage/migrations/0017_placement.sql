-- Which workers reach an instance, and how.
LOCK TABLE tasks, instances, workers IN ACCESS EXCLUSIVE MODE;

ALTER TABLE instances
    -- Only workers of the same pool get its tasks.
    ADD COLUMN pool text NOT NULL DEFAULT 'default',
    -- Scripts belong to root, by way of sudo.
    ADD COLUMN become boolean NOT NULL DEFAULT false,
    -- The hosts on the way to it, each a JumpHost as JSON.
    ADD COLUMN jump text[] NOT NULL DEFAULT '{}';
CREATE INDEX instances_pool ON instances (project, pool) WHERE status <> 'TERMINATED';
ALTER TABLE workers ADD COLUMN pool text NOT NULL DEFAULT 'default';

-- That of its instance.
ALTER TABLE tasks ADD COLUMN pool text NOT NULL DEFAULT 'default';
DROP INDEX tasks_turn;
CREATE INDEX tasks_turn ON tasks (pool, project, deployment_id, run_at, id)
    WHERE status = 'PENDING' AND waiting_since IS NULL AND blocked_by IS NULL AND NOT gated AND payload_id IS NOT NULL;
