-- Inserts one deployment and gives its id.
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
VALUES (
  @script_sha256,
  @script_bytes,
  @original_path,
  @remote_path,
  @execute_payload,
  @timeout,
  @request,
  @projects,
  @max_concurrency,
  @max_errors,
  @waves::bigint[],
  @wave_pause_seconds,
  @wave_hold,
  nullif(@check_script_sha256::bytea, ''),
  @traceparent
)
RETURNING id;
