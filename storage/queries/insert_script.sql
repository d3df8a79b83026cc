-- Scripts by content: each is stored once.

-- name: insert_script
-- Stores a script unless it is there already.
INSERT INTO scripts (sha256, content)
VALUES (@sha256, @content)
ON CONFLICT DO NOTHING;

-- name: hold_script
-- Keeps it until the transaction has ended. No row means that it has just gone (prune_scripts), and has to be stored again.
SELECT s.created_at
FROM scripts s
WHERE s.sha256 = @sha256
FOR KEY SHARE;
