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
  max_errors
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
  @max_errors
)
RETURNING id;
