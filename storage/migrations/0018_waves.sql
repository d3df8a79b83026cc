-- Rollouts in waves, and rollouts that are paused.
LOCK TABLE tasks, payloads, deployments IN ACCESS EXCLUSIVE MODE;

ALTER TABLE deployments
    -- By PauseDeployment: the gate is shut.
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    -- Up to which of its payloads each wave goes, counted from the first; the last is their number. Empty: no waves.
    ADD COLUMN waves bigint[] NOT NULL DEFAULT '{}',
    -- The wave that is under way, from 1; 0 without waves. Tasks of later waves stay behind the gate.
    ADD COLUMN wave integer NOT NULL DEFAULT 0,
    -- GOING, or what holds the next wave back: a time (WAITING), a check (CHECKING), ResumeDeployment (HELD).
    ADD COLUMN wave_state text NOT NULL DEFAULT 'GOING' CHECK (wave_state IN ('GOING', 'WAITING', 'CHECKING', 'HELD')),
    ADD COLUMN next_wave_at timestamptz,
    -- What comes between waves: so many seconds, ResumeDeployment, or a script that must succeed; nothing when none is set.
    ADD COLUMN wave_pause_seconds integer NOT NULL DEFAULT 0,
    ADD COLUMN wave_hold boolean NOT NULL DEFAULT false,
    ADD COLUMN check_script_sha256 bytea REFERENCES scripts (sha256),
    -- The deployment of the last check.
    ADD COLUMN check_deployment_id bigint;
CREATE INDEX deployments_check_script ON deployments (check_script_sha256) WHERE check_script_sha256 IS NOT NULL;

-- Which wave of its deployment it belongs to; 0 without waves.
ALTER TABLE payloads ADD COLUMN wave integer NOT NULL DEFAULT 0;
-- That of its payload.
ALTER TABLE tasks ADD COLUMN wave integer NOT NULL DEFAULT 0;
CREATE INDEX tasks_gated ON tasks (deployment_id, wave, run_at, id) WHERE gated AND status = 'PENDING';
