-- Stores the host key of an instance unless it has one, and gives the one that counts. The first key wins.
UPDATE instances
SET
  host_key = CASE WHEN host_key = '' THEN @host_key ELSE host_key END,
  updated_at = CASE WHEN host_key = '' THEN now() ELSE updated_at END
WHERE id = @id
RETURNING host_key;
