-- Finds the task of a type that an instance has and that has not ended.
SELECT t.id
FROM tasks t
WHERE t.instance_id = @instance_id
  AND t.type = @type
  AND ${open_task}
ORDER BY t.id
LIMIT 1;
