-- name: list_payload_ids_of_deployment
SELECT id
FROM payloads
WHERE deployment_id = @deployment_id
  AND status = ANY (@statuses::text[])
ORDER BY id;

-- name: list_open_payload_ids_of_instance
-- A payload is open until its status is a terminal one.
SELECT id
FROM payloads
WHERE instance_id = @instance_id
  AND status IN ('PENDING', 'TRANSFERRED', 'EXECUTING')
ORDER BY id;
