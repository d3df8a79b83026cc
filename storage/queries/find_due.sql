-- The tasks that claim_due would take, without taking them: what is tried one by one when a claim of all is refused.
SELECT t.id
FROM
  unnest(@projects::text[], @deployment_ids::bigint[], @shares::bigint[]) AS flow(project, deployment_id, share),
  LATERAL (
    SELECT t.id
    FROM tasks t
    WHERE ${due_task}
      AND t.project = flow.project
      AND t.deployment_id = flow.deployment_id
      AND t.id <> ALL (@set_aside::bigint[])
    ORDER BY t.run_at, t.id
    LIMIT flow.share
  ) AS t;
