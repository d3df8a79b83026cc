-- Stores a script unless it is there already.
INSERT INTO scripts (sha256, content)
VALUES (@sha256, @content)
ON CONFLICT DO NOTHING;
