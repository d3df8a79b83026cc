-- Inserts the payloads of one deployment, one for each index of the arrays.
INSERT INTO payloads AS p (deployment_id, execute_payload, timeout, id, instance_id, remote_path, task_id, run_id, wave)
SELECT
  @deployment_id::bigint,
  @execute_payload::boolean,
  @timeout::integer,
  added.id,
  added.instance_id,
  added.remote_path,
  added.task_id,
  added.run_id,
  added.wave
FROM unnest(
  @ids::bigint[],
  @instance_ids::bigint[],
  @remote_paths::text[],
  @task_ids::bigint[],
  @run_ids::text[],
  @waves::integer[]
) AS added(id, instance_id, remote_path, task_id, run_id, wave)
RETURNING p.id, p.deployment_id, p.instance_id, p.task_id, p.attempt, ${project_of_payload};
