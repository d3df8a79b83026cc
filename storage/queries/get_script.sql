-- A script by its content's hash, for those who may see a deployment of it.
SELECT s.content
FROM scripts s
WHERE s.sha256 = @sha256
  AND EXISTS (
    SELECT 1
    FROM deployments d
    WHERE s.sha256 IN (d.script_sha256, d.check_script_sha256)
      AND ${deployment_in_scope}
  );
