-- How payloads and their tasks end; all of it in one transaction.

-- name: end_payloads
-- Never an ended one again. `cut` says whose stored output has to be cut to head and tail: the row decides, since an end that the
-- server makes by itself does not know how much was printed.
UPDATE payloads p
SET
  status = ended.status,
  failure_reason = ended.failure_reason,
  error = ended.error,
  executed = p.executed OR ended.executed,
  exit_code = ended.exit_code,
  execution_time_us = ended.execution_time_us,
  output_bytes = greatest(p.output_bytes, ended.output_bytes),
  output_truncated =
    ended.output_missing OR greatest(p.output_bytes, ended.output_bytes) > @max_output_bytes::bigint,
  started_at = CASE WHEN ended.executed THEN coalesce(p.started_at, now()) ELSE p.started_at END,
  finished_at = now(),
  updated_at = now()
FROM unnest(
  @payload_ids::bigint[],
  @statuses::text[],
  @failure_reasons::text[],
  @errors::text[],
  @executed::boolean[],
  @exit_codes::integer[],
  @execution_times_us::bigint[],
  @output_bytes::bigint[],
  @output_missing::boolean[]
) AS ended(id, status, failure_reason, error, executed, exit_code, execution_time_us, output_bytes, output_missing)
WHERE p.id = ended.id
  AND p.status IN ('PENDING', 'TRANSFERRED', 'EXECUTING')
RETURNING
  p.id,
  p.deployment_id,
  p.instance_id,
  p.task_id,
  p.attempt,
  p.status,
  p.failure_reason,
  p.exit_code,
  p.execution_time_us,
  p.output_bytes > @max_output_bytes::bigint AS cut;

-- name: end_tasks
UPDATE tasks t
SET
  status = ended.status,
  error = ended.error,
  lease_until = NULL,
  blocked_by = NULL,
  waiting_since = NULL,
  gated = false,
  updated_at = now()
FROM unnest(@task_ids::bigint[], @statuses::text[], @errors::text[]) AS ended(id, status, error)
WHERE t.id = ended.id
  AND t.status IN ('PENDING', 'RUNNING');

-- name: release_dependents
-- What depends on the completed tasks can begin; its time for delivery counts from now.
UPDATE tasks
SET
  blocked_by = NULL,
  run_at = now(),
  deliver_by = now() + (deliver_by - created_at),
  updated_at = now()
WHERE blocked_by = ANY (@completed_task_ids::bigint[]);

-- name: end_dependents
UPDATE tasks t
SET
  status = CASE d.status WHEN 'CANCELLED' THEN 'CANCELLED' ELSE 'FAILED' END,
  blocked_by = NULL,
  gated = false,
  error = 'task ' || d.id || ', which it depends on, is ' || d.status,
  updated_at = now()
FROM tasks d
WHERE t.blocked_by = ANY (@failed_task_ids::bigint[])
  AND d.id = t.blocked_by;
