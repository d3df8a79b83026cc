-- Which deployments have tasks due in a pool, and how many each, counted to @most_counted. It goes from one project and
-- deployment to the next in the index tasks_turn, so it costs as much as there are deployments, however many tasks they have.
-- Of a project with very many deployments the oldest and the newest are found; the others follow as these end.
WITH RECURSIVE projects AS (
  (
    SELECT t.project
    FROM tasks t
    WHERE ${due_task}
      AND t.pool = @pool
    ORDER BY t.project
    LIMIT 1
  )
  UNION ALL
  SELECT next.project
  FROM
    projects p,
    LATERAL (
      SELECT t.project
      FROM tasks t
      WHERE ${due_task}
        AND t.pool = @pool
        AND t.project > p.project
      ORDER BY t.project
      LIMIT 1
    ) AS next
)
SELECT l.project, d.deployment_id, c.due
FROM
  (SELECT project FROM projects LIMIT 500) AS l,
  LATERAL (
    WITH RECURSIVE oldest AS (
      (
        SELECT t.deployment_id
        FROM tasks t
        WHERE ${due_task}
          AND t.pool = @pool
          AND t.project = l.project
        ORDER BY t.deployment_id
        LIMIT 1
      )
      UNION ALL
      SELECT next.deployment_id
      FROM
        oldest o,
        LATERAL (
          SELECT t.deployment_id
          FROM tasks t
          WHERE ${due_task}
            AND t.pool = @pool
            AND t.project = l.project
            AND t.deployment_id > o.deployment_id
          ORDER BY t.deployment_id
          LIMIT 1
        ) AS next
    ),
    newest AS (
      (
        SELECT t.deployment_id
        FROM tasks t
        WHERE ${due_task}
          AND t.pool = @pool
          AND t.project = l.project
        ORDER BY t.deployment_id DESC
        LIMIT 1
      )
      UNION ALL
      SELECT next.deployment_id
      FROM
        newest n,
        LATERAL (
          SELECT t.deployment_id
          FROM tasks t
          WHERE ${due_task}
            AND t.pool = @pool
            AND t.project = l.project
            AND t.deployment_id < n.deployment_id
          ORDER BY t.deployment_id DESC
          LIMIT 1
        ) AS next
    )
    (SELECT deployment_id FROM oldest LIMIT 100)
    UNION
    (SELECT deployment_id FROM newest LIMIT 100)
  ) AS d,
  LATERAL (
    SELECT count(*) AS due
    FROM (
      SELECT 1
      FROM tasks t
      WHERE ${due_task}
        AND t.pool = @pool
        AND t.project = l.project
        AND t.deployment_id = d.deployment_id
        AND t.id <> ALL (@set_aside::bigint[])
      LIMIT @most_counted
    ) AS counted
  ) AS c
WHERE c.due > 0;
