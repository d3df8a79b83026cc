-- Counts the payloads of each deployment by their status, from the index payloads_deployment alone.
SELECT deployment_id, status, count(*) AS payloads
FROM payloads
WHERE deployment_id = ANY (@deployment_ids::bigint[])
GROUP BY deployment_id, status;
