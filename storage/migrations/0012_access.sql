-- Who is asking, and for which project.
LOCK TABLE tasks, instances, deployments, request_ids IN ACCESS EXCLUSIVE MODE;

CREATE TABLE tokens (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (name <> ''),
    role text NOT NULL CHECK (role IN ('VIEWER', 'OPERATOR', 'ADMIN')),
    -- '*' is every project.
    projects text[] NOT NULL CHECK (cardinality(projects) > 0),
    -- Of the secret, which is nowhere but with its holder.
    secret_sha256 bytea NOT NULL CHECK (length(secret_sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz
);

-- An instance never changes its project, and its payloads and tasks are of the same one. A deployment has one project too; one from
-- before may have several, and is seen by those who see all of them.
UPDATE instances SET project = 'default' WHERE project = '';
UPDATE tasks t SET project = i.project FROM instances i
    WHERE i.id = t.instance_id AND t.project <> i.project AND t.status IN ('PENDING', 'RUNNING');
UPDATE deployments SET projects = array_replace(projects, '', 'default') WHERE '' = ANY (projects);
CREATE INDEX deployments_script ON deployments (script_sha256);

-- An api_server from before, beside new ones, leaves the project open.
CREATE FUNCTION instances_default_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.project := 'default';
    RETURN NEW;
END
$$;
CREATE TRIGGER instances_default_project BEFORE INSERT ON instances FOR EACH ROW WHEN (NEW.project = '')
    EXECUTE FUNCTION instances_default_project();
ALTER TABLE instances ALTER COLUMN project SET DEFAULT 'default', ADD CHECK (project <> '');

-- The same for its tasks that are no payload's; workers take tasks by project now.
CREATE FUNCTION tasks_project() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.project := (SELECT project FROM instances WHERE id = NEW.instance_id);
    RETURN NEW;
END
$$;
CREATE TRIGGER tasks_project BEFORE INSERT ON tasks FOR EACH ROW WHEN (NEW.project = '') EXECUTE FUNCTION tasks_project();

-- Request ids of different principals do not meet. 0: of one without a token.
ALTER TABLE request_ids
    ADD COLUMN token_id bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT request_ids_pkey,
    ADD PRIMARY KEY (token_id, method, request_id);
