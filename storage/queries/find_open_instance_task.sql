-- Finds the task of a type that an instance has and that has not ended.
SELECT id
FROM tasks
WHERE instance_id = @instance_id
  AND type = @type
  AND status IN ('PENDING', 'RUNNING')
ORDER BY id
LIMIT 1;
