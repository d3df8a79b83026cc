-- Inserts one deployment, and gives its id and new ones for @payloads payloads and their tasks. No row means that one of its
-- scripts is not there, and has to be stored first. Those that are there are kept until the transaction has ended
-- (lock_unused_scripts).
WITH held AS MATERIALIZED (
  SELECT s.sha256
  FROM scripts s
  WHERE s.sha256 IN (@script_sha256::bytea, @check_script_sha256::bytea)
  FOR KEY SHARE
)
INSERT INTO deployments (
  script_sha256,
  script_bytes,
  original_path,
  remote_path,
  execute_payload,
  timeout,
  request,
  projects,
  max_concurrency,
  max_errors,
  waves,
  wave_pause_seconds,
  wave_hold,
  check_script_sha256,
  traceparent
)
SELECT
  @script_sha256::bytea,
  @script_bytes::bigint,
  @original_path::text,
  @remote_path::text,
  @execute_payload::boolean,
  @timeout::integer,
  @request::bytea,
  @projects::text[],
  @max_concurrency::integer,
  @max_errors::integer,
  @waves::bigint[],
  @wave_pause_seconds::integer,
  @wave_hold::boolean,
  nullif(@check_script_sha256::bytea, ''),
  @traceparent::text
WHERE @script_sha256::bytea IN (SELECT sha256 FROM held)
  AND (@check_script_sha256::bytea = '' OR @check_script_sha256::bytea IN (SELECT sha256 FROM held))
RETURNING
  id,
  ARRAY(SELECT nextval('payloads_id_seq') FROM generate_series(1, @payloads::bigint)) AS payload_ids,
  ARRAY(SELECT nextval('tasks_id_seq') FROM generate_series(1, @payloads::bigint)) AS task_ids;
