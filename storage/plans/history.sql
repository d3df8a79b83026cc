-- What an installation has after a quarter: a million payloads that have ended, and what came with them. To be run on a new
-- database with the schema. Payload n has task n; fifty come in a deployment, ten thousand in deployment 19801.

-- No trigger, no foreign key, and no index but the primary keys until everything is there.
SET session_replication_role = replica;
SET maintenance_work_mem = '256MB';
CREATE TEMPORARY TABLE later AS
  SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
  FROM pg_index
  WHERE NOT indisprimary
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
    AND indrelid IN (
      'payloads'::regclass, 'tasks'::regclass, 'deployments'::regclass, 'request_ids'::regclass, 'audit_events'::regclass
    );
DO $$
DECLARE
  each record;
BEGIN
  FOR each IN SELECT name FROM later LOOP
    EXECUTE 'DROP INDEX ' || each.name;
  END LOOP;
END
$$;

INSERT INTO scripts (sha256, content, created_at)
SELECT sha256(convert_to('script ' || n, 'UTF8')), '\x74727565', now() - interval '90 days'
FROM generate_series(1, 2000) n;

INSERT INTO instances (name, project, pool, provider, address, port, ssh_user, host_key, tags, status)
SELECT
  'i' || n,
  CASE n % 10 WHEN 0 THEN 'default' ELSE 'project' || n % 10 END,
  CASE n % 50 WHEN 0 THEN 'far' ELSE 'default' END,
  'registered',
  'host' || n,
  22,
  'root',
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEtLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tLS0tL',
  ARRAY['all', 'rack' || n % 100],
  CASE n % 100 WHEN 99 THEN 'TERMINATED' ELSE 'READY' END
FROM generate_series(1, 10000) n;

INSERT INTO deployments (
  script_sha256, script_bytes, original_path, remote_path, execute_payload, timeout, projects, created_at
)
SELECT
  sha256(convert_to('script ' || 1 + n % 2000, 'UTF8')), 4, '/srv/x.sh', '/root/x.sh', true, 60, ARRAY['project' || 1 + n % 9],
  now() - (19801 - n) * interval '393 seconds'
FROM generate_series(1, 19801) n;

INSERT INTO payloads (
  id, deployment_id, instance_id, remote_path, status, execute_payload, timeout, task_id, executed, exit_code, execution_time_us,
  failure_reason, output_bytes, created_at, transferred_at, started_at, finished_at, updated_at, copied
)
SELECT
  n, least(1 + (n - 1) / 50, 19801), 1 + n % 10000, '/root/x.sh', status, true, 60, n, true, (status = 'FAILED')::integer, 100000,
  CASE status WHEN 'FAILED' THEN 'EXIT_CODE' ELSE '' END, 100, ended, ended, ended, ended, ended, true
FROM
  generate_series(1, 1000000) n,
  LATERAL (
    SELECT
      CASE WHEN n % 100 < 3 THEN 'FAILED' WHEN n % 100 = 3 THEN 'CANCELLED' ELSE 'COMPLETED' END AS status,
      now() - (1000001 - n) * interval '7.776 seconds' AS ended
  ) AS of_payload;

INSERT INTO tasks (
  id, type, status, payload_id, instance_id, remote_path, run_at, deliver_by, attempt, worker, lease_epoch, created_at,
  updated_at, deployment_id, project, pool, end_by, claimed_at
)
SELECT
  p.id, 'PAYLOAD_TRANSFER', CASE p.status WHEN 'COMPLETED' THEN 'COMPLETED' ELSE 'FAILED' END, p.id, p.instance_id, p.remote_path,
  p.finished_at, p.finished_at, 1, 'w' || p.id % 20, 1, p.finished_at, p.finished_at, p.deployment_id, i.project, i.pool,
  p.finished_at, p.finished_at
FROM payloads p
JOIN instances i ON i.id = p.instance_id;

INSERT INTO payload_output (payload_id, attempt, start_byte, end_byte, data, lease_epoch)
SELECT n, 1, 0, 100, convert_to(repeat('x', 100), 'UTF8'), 1
FROM generate_series(1, 1000000) n;

INSERT INTO request_ids (token_id, method, request_id, fingerprint, response, created_at)
SELECT n % 10, 'DeployPayload', md5(n::text), sha256('x'), '\x00', now() - (200001 - n) * interval '3 seconds'
FROM generate_series(1, 200000) n;

INSERT INTO audit_events (at, principal, token_id, peer, method, project, ids, script_sha256, code, reason, request_id)
SELECT
  now() - (300001 - n) * interval '100 seconds', 'token' || n % 10, n % 10, 'host', 'DeployPayload', 'project' || 1 + n % 9,
  ARRAY[n], '', 'OK', '', ''
FROM generate_series(1, 300000) n;

-- Instances were made and provisioned.
INSERT INTO tasks (id, type, status, instance_id, run_at, deliver_by, project, pool, updated_at)
SELECT
  1000000 + n, CASE n % 2 WHEN 1 THEN 'CREATE_INSTANCE' ELSE 'PROVISION_INSTANCE' END, 'COMPLETED', i.id, now(), 'infinity',
  i.project, i.pool, now() - interval '30 days'
FROM generate_series(1, 20000) n
JOIN instances i ON i.id = (n + 1) / 2;
INSERT INTO task_logs (task_id, log) SELECT 1000000 + 2 * n, 'done' FROM generate_series(1, 10000) n;

INSERT INTO tokens (name, role, projects, secret_sha256)
SELECT 'token' || n, 'OPERATOR', ARRAY['project' || n % 10], sha256('x')
FROM generate_series(1, 1000) n;
INSERT INTO workers (name, incarnation, version, capacity, pool)
SELECT 'w' || n, 'x', '1', 1000, 'default'
FROM generate_series(0, 19) n;

DO $$
DECLARE
  each record;
BEGIN
  FOR each IN SELECT definition FROM later LOOP
    EXECUTE each.definition;
  END LOOP;
END
$$;
SELECT setval('payloads_id_seq', 3000000), setval('tasks_id_seq', 3000000);
RESET session_replication_role;
