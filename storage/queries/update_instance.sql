-- Changes what the caller of UpdateInstance has named: an empty @name, @set_tags false and 0 as @payload_id leave things as they
-- are.
UPDATE instances
SET
  name = CASE WHEN @name = '' THEN name ELSE @name END,
  tags = CASE WHEN @set_tags THEN @tags::text[] ELSE tags END,
  payload_id = CASE WHEN @payload_id::bigint = 0 THEN payload_id ELSE @payload_id END,
  updated_at = now()
WHERE id = @id;
