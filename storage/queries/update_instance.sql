-- name: update_instance
-- Changes what the caller of UpdateInstance has named. Empty texts, 0 as @port and @payload_id, @set_tags, @set_host_key,
-- @set_become and @set_jump false leave things as they are.
UPDATE instances
SET
  name = CASE WHEN @name = '' THEN name ELSE @name END,
  tags = CASE WHEN @set_tags THEN @tags::text[] ELSE tags END,
  address = CASE WHEN @address = '' THEN address ELSE @address END,
  port = CASE WHEN @port::integer = 0 THEN port ELSE @port END,
  host_key = CASE WHEN @set_host_key THEN @host_key ELSE host_key END,
  pool = CASE WHEN @pool = '' THEN pool ELSE @pool END,
  become = CASE WHEN @set_become THEN @become ELSE become END,
  jump = CASE WHEN @set_jump THEN @jump::text[] ELSE jump END,
  payload_id = CASE WHEN @payload_id::bigint = 0 THEN payload_id ELSE @payload_id END,
  updated_at = now()
WHERE id = @id;

-- name: has_payload_work
-- Whether a payload of the instance is under way or waits, or something of an earlier one is to be cleaned up.
SELECT
  EXISTS (
    SELECT 1
    FROM tasks t
    WHERE t.instance_id = @instance_id
      AND t.payload_id IS NOT NULL
      AND ${open_task}
  )
  OR EXISTS (SELECT 1 FROM run_cleanups c WHERE c.instance_id = @instance_id) AS has_work;

-- name: move_tasks_to_pool
-- What has not ended of an instance goes to the workers of its new pool, from its next claim on.
UPDATE tasks t
SET pool = @pool
WHERE t.instance_id = @instance_id
  AND ${open_task};
