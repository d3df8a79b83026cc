-- What one row, instance or project can do to the others.
LOCK TABLE tasks, payloads, instances IN ACCESS EXCLUSIVE MODE;

-- Paths are compared by their hashes where an index holds them: a text of any length must not decide whether a row fits into it.
CREATE FUNCTION path_hash(path text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$ SELECT sha256(convert_to(path, 'UTF8')) $$;
DROP INDEX tasks_remote_path;
CREATE UNIQUE INDEX tasks_remote_path ON tasks (instance_id, path_hash(remote_path))
    WHERE status = 'RUNNING' AND remote_path <> '';
DROP INDEX tasks_maybe_started;
CREATE INDEX tasks_maybe_started ON tasks (instance_id, path_hash(remote_path)) WHERE maybe_started AND status = 'PENDING';
DROP INDEX payloads_executing;
CREATE INDEX payloads_executing ON payloads (instance_id, path_hash(remote_path)) WHERE status = 'EXECUTING';

ALTER TABLE tasks
    -- Of its instance: claims go from project to project, and within one from deployment to deployment.
    ADD COLUMN project text NOT NULL DEFAULT '',
    -- When the server ends an execution that the instance has not ended. NULL: the script has not been started, as far as is known.
    ADD COLUMN end_by timestamptz;
UPDATE tasks t SET project = i.project FROM instances i
    WHERE i.id = t.instance_id AND i.project <> '' AND t.status IN ('PENDING', 'RUNNING');
UPDATE tasks t SET end_by = t.deliver_by FROM payloads p
    WHERE p.id = t.payload_id AND p.status = 'EXECUTING' AND t.status IN ('PENDING', 'RUNNING');
CREATE INDEX tasks_turn ON tasks (project, deployment_id, run_at, id)
    WHERE status = 'PENDING' AND waiting_since IS NULL AND blocked_by IS NULL AND NOT gated AND payload_id IS NOT NULL;
CREATE INDEX tasks_overrun ON tasks (end_by) WHERE status = 'RUNNING' AND end_by IS NOT NULL;

-- One key of a known type on one line (common/host_key.h): a second line would be a key for another host in a known_hosts file.
-- An instance tells its home by itself.
UPDATE instances SET home = '' WHERE octet_length(home) > 1024;
UPDATE instances SET host_key = split_part(host_key, E'\n', 1) WHERE position(E'\n' IN host_key) > 0;
UPDATE instances SET host_key = '' WHERE host_key <> '' AND (octet_length(host_key) > 16384 OR host_key
    !~ '^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) AAAA[A-Za-z0-9+/]+={0,2}$');
ALTER TABLE instances
    ADD CONSTRAINT instances_host_key CHECK (host_key = '' OR (octet_length(host_key) <= 16384 AND host_key
        ~ '^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) AAAA[A-Za-z0-9+/]+={0,2}$')),
    ADD CONSTRAINT instances_home CHECK (octet_length(home) <= 1024);
