-- invariant 6: a webhook is told of every end and every stop
-- The event of an end is written in the transaction of the last end, and later than what that has seen.
WITH heard AS NOT MATERIALIZED (
  SELECT d.id, d.created_at, d.pruned_at, d.stop_reason, w.name AS webhook, w.since
  FROM deployments d
  JOIN webhooks w ON w.projects IS NULL OR (d.projects <@ w.projects AND d.projects <> '{}')
)
SELECT
  'deployment ' || d.id AS subject,
  'ended at ' || e.ended_at || ', and nothing is written for webhook ' || d.webhook AS detail
FROM heard d
CROSS JOIN LATERAL (
  SELECT max(t.updated_at) AS ended_at
  FROM payloads p
  JOIN tasks t ON t.payload_id = p.id
  WHERE p.deployment_id = d.id
  HAVING NOT bool_or(t.status IN ${open_task_statuses})
) e
WHERE
  -- Of one that has lost old payloads nobody can tell any more.
  d.pruned_at IS NULL
  -- The webhook may have become known while that transaction was under way.
  AND e.ended_at > d.since + interval '60 seconds'
  AND NOT EXISTS (
    SELECT 1
    FROM webhook_events v
    WHERE v.deployment_id = d.id
      AND v.webhook = d.webhook
      AND v.kind = 'deployment.ended'
      AND v.created_at >= e.ended_at
  )

UNION ALL

-- When a rollout was stopped is not kept, so only those count that the webhook has known from the beginning.
SELECT
  'deployment ' || d.id,
  'its rollout was stopped, and nothing is written for webhook ' || d.webhook
FROM heard d
WHERE d.stop_reason <> ''
  AND d.created_at > d.since + interval '60 seconds'
  AND NOT EXISTS (
    SELECT 1
    FROM webhook_events v
    WHERE v.deployment_id = d.id
      AND v.webhook = d.webhook
      AND v.kind = 'rollout.stopped'
  );
