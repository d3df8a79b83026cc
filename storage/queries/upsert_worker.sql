-- A worker has said hello.
INSERT INTO workers (name, incarnation, version)
VALUES (@name, @incarnation, @version)
ON CONFLICT (name) DO UPDATE
SET
  incarnation = excluded.incarnation,
  version = excluded.version,
  connected_at = now(),
  seen_at = now();
