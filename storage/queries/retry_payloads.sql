-- Begins a new attempt of each payload, as if there had been none before. The run of the attempt before is remembered by its
-- name, because something of it may still lie on the instance; a run from before runs had ids is named by its numbers.
UPDATE payloads p
SET
  attempt = p.attempt + 1,
  status = 'PENDING',
  task_id = retry.task_id,
  executed = false,
  copied = false,
  exit_code = NULL,
  execution_time_us = NULL,
  error = '',
  failure_reason = '',
  output_bytes = 0,
  output_truncated = false,
  transferred_at = NULL,
  started_at = NULL,
  finished_at = NULL,
  updated_at = now(),
  run_id = retry.run_id,
  earlier_run_ids = p.earlier_run_ids || coalesce(nullif(p.run_id, ''), p.id || '.' || p.attempt)
FROM unnest(@ids::bigint[], @task_ids::bigint[], @run_ids::text[]) AS retry(id, task_id, run_id)
WHERE p.id = retry.id
RETURNING p.id, p.deployment_id, p.instance_id, p.task_id, p.attempt, ${project_of_payload};
