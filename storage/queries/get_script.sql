-- A script by its content's hash, for those who may see a deployment of it.
SELECT s.content
FROM scripts s
WHERE s.sha256 = @sha256
  AND EXISTS (
    SELECT 1
    FROM deployments d
    WHERE d.script_sha256 = s.sha256
      AND ${deployment_in_scope}
  );
