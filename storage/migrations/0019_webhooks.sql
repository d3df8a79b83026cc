-- Who is told of the ends of deployments and of stopped rollouts, and what they are still to be told.

-- What the api_servers' --webhooks_file says, but for URLs and secrets.
CREATE TABLE webhooks (
    name text PRIMARY KEY CHECK (name <> ''),
    -- It hears of deployments to these alone; NULL: of all.
    projects text[],
    -- Since when it hears of these.
    since timestamptz NOT NULL DEFAULT now(),
    -- When an api_server had it in its file.
    seen_at timestamptz NOT NULL DEFAULT now()
);

-- The outbox: one row for each webhook that is to hear of a change, written with the change.
CREATE TABLE webhook_events (
    id uuid PRIMARY KEY,
    webhook text NOT NULL,
    deployment_id bigint NOT NULL REFERENCES deployments (id) ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('deployment.ended', 'rollout.stopped')),
    -- What is sent, the same at each try.
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    -- NULL once it is delivered or given up. A try that is under way puts it off.
    next_try_at timestamptz,
    tries integer NOT NULL DEFAULT 0,
    -- Why the last try failed.
    error text NOT NULL DEFAULT '',
    delivered_at timestamptz,
    given_up_at timestamptz,
    CHECK (num_nonnulls(next_try_at, delivered_at, given_up_at) = 1)
);
CREATE INDEX webhook_events_due ON webhook_events (webhook, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX webhook_events_deployment ON webhook_events (deployment_id, webhook, kind);

CREATE FUNCTION rfc3339(at timestamptz) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- Writes what is to be told of the deployments. A project's webhook hears of no deployment that is for others too.
CREATE FUNCTION tell_webhooks(told_kind text, deployment_ids bigint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_events (id, webhook, deployment_id, kind, body, created_at, next_try_at)
    SELECT
        told.event_id,
        told.webhook,
        told.deployment_id,
        told_kind,
        json_build_object(
            'id', told.event_id,
            'kind', told_kind,
            'time', rfc3339(told.at),
            -- 1 the first time; a deployment that is retried ends once more.
            'number', (
                SELECT count(*) + 1
                FROM webhook_events e
                WHERE e.deployment_id = told.deployment_id
                    AND e.webhook = told.webhook
                    AND e.kind = told_kind
            ),
            'deployment', told.deployment
        )::text,
        told.at,
        told.at
    FROM (
        SELECT
            gen_random_uuid() AS event_id,
            clock_timestamp() AS at,
            w.name AS webhook,
            d.id AS deployment_id,
            json_build_object(
                'id', d.id,
                'projects', d.projects,
                'created_at', rfc3339(d.created_at),
                'script_sha256', encode(d.script_sha256, 'hex'),
                'remote_path', d.remote_path,
                'execute_payload', d.execute_payload,
                'stop_reason', d.stop_reason,
                'counts', d.counts
            ) AS deployment
        FROM (
            -- However many webhooks hear of it, its payloads are counted once.
            SELECT
                one.*,
                (
                    SELECT json_build_object(
                        'total', count(*),
                        'pending', count(*) FILTER (WHERE p.status = 'PENDING'),
                        'transferred', count(*) FILTER (WHERE p.status = 'TRANSFERRED'),
                        'executing', count(*) FILTER (WHERE p.status = 'EXECUTING'),
                        'completed', count(*) FILTER (WHERE p.status = 'COMPLETED'),
                        'failed', count(*) FILTER (WHERE p.status = 'FAILED'),
                        'cancelled', count(*) FILTER (WHERE p.status = 'CANCELLED')
                    )
                    FROM payloads p
                    WHERE p.deployment_id = one.id
                ) AS counts
            FROM deployments one
            WHERE one.id = ANY (deployment_ids)
            OFFSET 0
        ) AS d
        JOIN webhooks w ON w.projects IS NULL OR (d.projects <@ w.projects AND d.projects <> '{}')
    ) AS told;
END
$$;

-- However a rollout is stopped, this is told with it.
CREATE FUNCTION deployments_stopped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_webhooks('rollout.stopped', ARRAY[NEW.id]);
    RETURN NULL;
END
$$;
CREATE TRIGGER deployments_stopped AFTER UPDATE OF stop_reason ON deployments FOR EACH ROW
    WHEN (OLD.stop_reason = '' AND NEW.stop_reason <> '') EXECUTE FUNCTION deployments_stopped();
