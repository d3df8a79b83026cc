-- New tasks of payloads. Those of a rollout with a gate begin behind it; open_gates lets them through.
INSERT INTO tasks (
  type,
  deliver_by,
  id,
  payload_id,
  instance_id,
  remote_path,
  depends_on,
  blocked_by,
  deployment_id,
  gated,
  project,
  pool,
  wave,
  traceparent
)
SELECT
  @type,
  now() + @delivery_timeout_seconds::bigint * interval '1 second',
  new.id,
  new.payload_id,
  new.instance_id,
  new.remote_path,
  new.depends_on,
  new.depends_on,
  d.id,
  coalesce(${has_gate}, false),
  i.project,
  i.pool,
  coalesce(p.wave, 0),
  @traceparent
FROM unnest(
  @task_ids::bigint[],
  @payload_ids::bigint[],
  @instance_ids::bigint[],
  @remote_paths::text[],
  @depends_on::bigint[]
) AS new(id, payload_id, instance_id, remote_path, depends_on)
JOIN instances i ON i.id = new.instance_id
LEFT JOIN payloads p ON p.id = new.payload_id
LEFT JOIN deployments d ON d.id = p.deployment_id;
