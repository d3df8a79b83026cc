-- What is under way besides history.sql: twelve deployments of a thousand payloads each. Payload and task m of deployment
-- 19810 + k, which is `kind` k, are 2000000 + 1000 * k + m; they are for every tenth instance, those of one project.

SET session_replication_role = replica;

CREATE TEMPORARY TABLE kinds (kind integer, name text, digit integer);
INSERT INTO kinds VALUES
  (0, 'due', 10),
  (1, 'gated', 1),
  (2, 'running', 2),
  (3, 'running', 3),
  -- For the places of those before.
  (4, 'waiting', 3),
  (5, 'stopping', 4),
  -- Two hundred deployments of five payloads, 20001 to 20200.
  (6, 'small', 5),
  (7, 'waves', 6),
  (8, 'later', 7),
  (9, 'delivered', 8),
  -- Its check is the next one, of which all but one payload have succeeded.
  (10, 'checking', 9),
  (11, 'check', 9);

INSERT INTO deployments (
  id, script_sha256, script_bytes, original_path, remote_path, execute_payload, timeout, projects, max_concurrency, max_errors,
  rollout_state, waves, wave, wave_state, check_script_sha256, check_deployment_id
)
OVERRIDING SYSTEM VALUE
SELECT
  id, sha256(convert_to('script ' || 1 + id % 2000, 'UTF8')), 4, '/srv/x.sh', '/root/y.sh', true, 60,
  ARRAY[CASE digit WHEN 10 THEN 'default' ELSE 'project' || digit END],
  CASE name WHEN 'gated' THEN 200 ELSE 0 END, CASE WHEN name IN ('gated', 'stopping') THEN 10 ELSE 0 END,
  CASE WHEN name IN ('gated', 'waves', 'checking') THEN 'OPEN' WHEN name = 'stopping' THEN 'STOPPING' ELSE 'NONE' END,
  CASE WHEN name IN ('waves', 'checking') THEN '{100,1000}'::bigint[] ELSE '{}' END, (name IN ('waves', 'checking'))::integer,
  CASE name WHEN 'checking' THEN 'CHECKING' ELSE 'GOING' END,
  CASE name WHEN 'checking' THEN sha256('script 1') END, CASE name WHEN 'checking' THEN 19821 END
FROM kinds, LATERAL (
  SELECT 19810 + kind AS id WHERE name <> 'small'
  UNION ALL
  SELECT 20000 + n FROM generate_series(1, 200) n WHERE name = 'small'
) AS deployment;

CREATE TEMPORARY TABLE work AS
  SELECT
    2000000 + 1000 * kind + m AS id,
    CASE name WHEN 'small' THEN 20001 + (m - 1) / 5 ELSE 19810 + kind END AS deployment_id,
    (m - 1) * 10 + digit AS instance_id,
    CASE name WHEN 'small' THEN '/root/z.sh' ELSE '/root/y' || kind - (name = 'waiting')::integer || '.sh' END AS remote_path,
    CASE WHEN name IN ('waves', 'checking') AND m > 100 THEN 2 WHEN name IN ('waves', 'checking') THEN 1 ELSE 0 END AS wave,
    name IN ('gated', 'waves', 'checking') AND m > 100 AS gated,
    -- What has become of it.
    CASE
      WHEN (name = 'check' AND m < 1000) OR (name IN ('waves', 'checking') AND m <= 100) THEN 'COMPLETED'
      WHEN name = 'delivered' THEN 'TRANSFERRED'
      WHEN name IN ('running', 'check') OR (name = 'gated' AND m <= 50) THEN 'EXECUTING'
      ELSE 'PENDING'
    END AS status,
    name = 'stopping' AND m > 500 AS recalled,
    name,
    m
  FROM kinds, generate_series(1, 1000) m;

INSERT INTO payloads (
  id, deployment_id, instance_id, remote_path, status, execute_payload, timeout, task_id, executed, exit_code, transferred_at,
  started_at, finished_at, wave, copied
)
SELECT
  id, deployment_id, instance_id, remote_path, status, name <> 'delivered', 60, id, status IN ('EXECUTING', 'COMPLETED'),
  CASE status WHEN 'COMPLETED' THEN 0 END, CASE status WHEN 'PENDING' THEN NULL ELSE now() END,
  CASE WHEN status IN ('EXECUTING', 'COMPLETED') THEN now() END, CASE status WHEN 'COMPLETED' THEN now() END, wave,
  status <> 'PENDING'
FROM work;

INSERT INTO tasks (
  id, type, status, payload_id, instance_id, remote_path, waiting_since, run_at, deliver_by, attempt, failures, worker,
  lease_epoch, lease_until, deployment_id, gated, project, pool, end_by, claimed_at, wave
)
SELECT
  w.id, 'PAYLOAD_TRANSFER', task_status, w.id, w.instance_id, w.remote_path, CASE w.name WHEN 'waiting' THEN now() END,
  CASE w.name WHEN 'later' THEN now() + interval '5 minutes' ELSE now() END, now() + interval '1 hour',
  (task_status <> 'PENDING')::integer, (w.name = 'later')::integer,
  CASE WHEN task_status <> 'PENDING' THEN 'w1' ELSE '' END, (task_status <> 'PENDING')::integer,
  CASE task_status WHEN 'RUNNING' THEN now() + interval '10 minutes' END, w.deployment_id, w.gated, i.project, i.pool,
  CASE w.status WHEN 'EXECUTING' THEN now() + interval '1 hour' END, CASE WHEN task_status <> 'PENDING' THEN now() END, w.wave
FROM work w
JOIN instances i ON i.id = w.instance_id,
LATERAL (
  SELECT
    CASE
      WHEN w.status IN ('COMPLETED', 'TRANSFERRED') THEN 'COMPLETED'
      WHEN w.status = 'EXECUTING' OR w.recalled THEN 'RUNNING'
      ELSE 'PENDING'
    END AS task_status
) AS of_task;

-- Two hundred leases have run out, and two hundred directories are to be removed.
UPDATE tasks SET lease_until = now() - interval '1 second' WHERE id BETWEEN 2002801 AND 2003000;
-- Five hundred are renewed together; the group of a hundred is over.
INSERT INTO lease_groups (worker, lease_until, ended)
VALUES ('w1', now() + interval '10 minutes', false), ('w2', now() - interval '1 second', true);
UPDATE tasks SET lease_group = 1 + (id > 2002500)::integer, lease_until = timestamptz '9999-12-31 00:00:00+00'
WHERE id BETWEEN 2002001 AND 2002600;
INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_at)
SELECT n, 1, 1 + n % 10000, now() FROM generate_series(999001, 999200) n;

-- Instances are being made and provisioned.
INSERT INTO tasks (id, type, instance_id, run_at, deliver_by, project, pool)
SELECT
  2100000 + n, CASE WHEN n > 100 THEN 'PROVISION_INSTANCE' ELSE 'CREATE_INSTANCE' END, i.id, now(), 'infinity', i.project, i.pool
FROM generate_series(1, 200) n
JOIN instances i ON i.id = n;
RESET session_replication_role;
