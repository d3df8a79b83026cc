-- Gives what a watch has to know of each payload of a deployment.
SELECT id, status, attempt
FROM payloads
WHERE deployment_id = @deployment_id
ORDER BY id;
