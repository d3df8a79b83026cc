-- invariant 9: no more of a deployment run than its rollout allows
SELECT
  'deployment ' || d.id AS subject,
  count(*) || ' are RUNNING, max_concurrency is ' || d.max_concurrency AS detail
FROM tasks t
JOIN deployments d ON d.id = t.deployment_id
WHERE t.status = 'RUNNING'
  -- 0 is no limit.
  AND d.max_concurrency > 0
GROUP BY d.id
HAVING count(*) > d.max_concurrency;
