-- Changes what the caller of UpdateInstance has named. Empty texts, 0 as @port and @payload_id, @set_tags and @set_host_key false
-- leave things as they are.
UPDATE instances
SET
  name = CASE WHEN @name = '' THEN name ELSE @name END,
  tags = CASE WHEN @set_tags THEN @tags::text[] ELSE tags END,
  address = CASE WHEN @address = '' THEN address ELSE @address END,
  port = CASE WHEN @port::integer = 0 THEN port ELSE @port END,
  host_key = CASE WHEN @set_host_key THEN @host_key ELSE host_key END,
  payload_id = CASE WHEN @payload_id::bigint = 0 THEN payload_id ELSE @payload_id END,
  updated_at = now()
WHERE id = @id;
