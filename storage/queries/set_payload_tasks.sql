-- Hands each payload to a new task. 0 as @timeout leaves the timeouts alone. A run without an id gets one when it has not been
-- started, that is, when the payload is TRANSFERRED. A run that was started keeps its old name: by that name it is found on its
-- instance.
UPDATE payloads p
SET
  task_id = handed.task_id,
  updated_at = now(),
  timeout = CASE WHEN @timeout::integer = 0 THEN p.timeout ELSE @timeout END,
  run_id = CASE WHEN p.run_id = '' AND p.status = 'TRANSFERRED' THEN handed.run_id ELSE p.run_id END
FROM unnest(@ids::bigint[], @task_ids::bigint[], @run_ids::text[]) AS handed(id, task_id, run_id)
WHERE p.id = handed.id
RETURNING p.id, p.deployment_id, p.instance_id, p.task_id, p.attempt, ${project_of_payload};
