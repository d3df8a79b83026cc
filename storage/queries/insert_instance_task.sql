-- Inserts a task of an instance and gives its id. 0 as @depends_on means that it waits for no other task, and 0 as
-- @time_limit_seconds that it is tried for ever.
INSERT INTO tasks (type, instance_id, project, pool, depends_on, blocked_by, deliver_by)
SELECT
  @type,
  i.id,
  i.project,
  i.pool,
  nullif(@depends_on::bigint, 0),
  nullif(@depends_on::bigint, 0),
  coalesce(now() + nullif(@time_limit_seconds::bigint, 0) * interval '1 second', 'infinity')
FROM instances i
WHERE i.id = @instance_id
RETURNING id;
