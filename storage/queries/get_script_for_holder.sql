-- Gives a script to a worker only while that worker holds a task that is about it.
SELECT content
FROM scripts s
WHERE sha256 = @sha256
  AND EXISTS (
    SELECT 1
    FROM tasks t
    JOIN deployments d ON d.id = t.deployment_id
    WHERE t.status = 'RUNNING'
      AND t.worker = @worker
      AND d.script_sha256 = s.sha256
  );
