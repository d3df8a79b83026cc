-- Who is told of deployments, and the outbox of what they are to be told.

-- name: have_webhooks
-- What an api_server's file says. Those that no file has had for a while are forgotten.
WITH had AS (
  SELECT *
  FROM unnest(@names::text[], @project_lists::text[]) AS had(name, projects)
),
forgotten AS (
  DELETE FROM webhooks w
  WHERE w.seen_at < now() - interval '10 minutes'
    AND w.name NOT IN (SELECT name FROM had)
)
INSERT INTO webhooks AS w (name, projects)
SELECT name, CASE projects WHEN '*' THEN NULL ELSE string_to_array(projects, ',') END
FROM had
ORDER BY name
ON CONFLICT (name) DO UPDATE
SET
  projects = excluded.projects,
  since = CASE WHEN w.projects IS NOT DISTINCT FROM excluded.projects THEN w.since ELSE now() END,
  seen_at = now();

-- name: drop_webhooks
-- They have been taken out of an api_server's file.
DELETE FROM webhooks
WHERE name = ANY (@names::text[]);

-- name: tell_of_ended_deployments
-- The tasks have ended in this transaction, and the capacity lock is held: with none of its tasks left open a deployment has
-- ended, and nobody else finds that too.
SELECT tell_webhooks('deployment.ended', array_agg(ended.id)) AS told
FROM (
  SELECT DISTINCT t.deployment_id AS id
  FROM tasks t
  JOIN payloads p ON p.id = t.payload_id
  WHERE t.id = ANY (@task_ids::bigint[])
    AND NOT ${open_task}
    -- A task may have ended before its payload does.
    AND (t.updated_at = now() OR p.finished_at = now())
) AS ended
WHERE NOT EXISTS (
    SELECT 1
    FROM tasks o
    WHERE o.deployment_id = ended.id
      AND o.status IN ('PENDING', 'RUNNING')
  )
  AND NOT EXISTS (
    SELECT 1
    FROM payloads p
    WHERE p.deployment_id = ended.id
      AND p.status IN ('PENDING', 'EXECUTING')
  );

-- name: claim_webhook_events
-- What is due, a few for each webhook, the longest waiting first. Whoever claims an event has so long to send it; then it is
-- due again.
UPDATE webhook_events e
SET
  next_try_at = now() + @lease_milliseconds::bigint * interval '1 millisecond',
  tries = e.tries + 1
FROM
  unnest(@names::text[], @rooms::bigint[]) AS free(name, room),
  LATERAL (
    SELECT due.id
    FROM webhook_events due
    WHERE due.webhook = free.name
      AND due.next_try_at <= now()
    ORDER BY due.next_try_at
    LIMIT free.room
    FOR UPDATE SKIP LOCKED
  ) AS next
WHERE e.id = next.id
RETURNING
  e.id,
  e.webhook,
  e.deployment_id,
  e.kind,
  e.body,
  e.tries,
  (extract(epoch FROM now() - e.created_at) * 1000)::bigint AS age_milliseconds;

-- name: next_webhook_event
-- One row in any case: NULL means that nothing waits. It looks at the first of each webhook, however many wait.
SELECT (extract(epoch FROM min(first.next_try_at) - now()) * 1000)::bigint AS due_in_milliseconds
FROM
  unnest(@names::text[]) AS had(name),
  LATERAL (
    SELECT e.next_try_at
    FROM webhook_events e
    WHERE e.webhook = had.name
      AND e.next_try_at IS NOT NULL
    ORDER BY e.next_try_at
    LIMIT 1
  ) AS first;

-- name: end_webhook_event
-- Delivered, however late it is known, or given up by who had it last.
UPDATE webhook_events
SET
  next_try_at = NULL,
  delivered_at = CASE WHEN @delivered THEN now() END,
  given_up_at = CASE WHEN @delivered THEN NULL ELSE now() END,
  error = @error
WHERE id = @id::uuid
  AND delivered_at IS NULL
  AND (@delivered OR (tries = @tries::integer AND given_up_at IS NULL));

-- name: postpone_webhook_event
UPDATE webhook_events
SET
  next_try_at = now() + @delay_milliseconds::bigint * interval '1 millisecond',
  error = @error
WHERE id = @id::uuid
  AND tries = @tries::integer
  AND next_try_at IS NOT NULL;

-- name: give_up_unclaimed_webhook_events
-- No api_server has the webhook any more.
UPDATE webhook_events
SET
  next_try_at = NULL,
  given_up_at = now(),
  error = 'no api_server has this webhook'
WHERE next_try_at < now() - interval '1 hour'
  AND created_at < now() - @give_up_milliseconds::bigint * interval '1 millisecond'
  AND webhook NOT IN (SELECT name FROM webhooks);

-- name: count_waiting_webhook_events
SELECT count(*) AS waiting
FROM webhook_events
WHERE next_try_at IS NOT NULL;
