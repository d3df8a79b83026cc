-- invariant 5: the guards of the state machines are in place
SELECT
  'trigger ' || g.name AS subject,
  'is missing or disabled' AS detail
FROM (VALUES ('payloads_guard'), ('tasks_guard'), ('run_cleanups_guard')) AS g(name)
WHERE NOT EXISTS (
  SELECT 1
  FROM pg_trigger t
  WHERE t.tgname = g.name
    -- It fires for ordinary sessions (O), or always (A).
    AND t.tgenabled IN ('O', 'A')
)

UNION ALL

-- A constraint that is not validated says nothing about the rows that were there before it.
SELECT
  'constraint ' || conname,
  'is not validated'
FROM pg_constraint
WHERE conrelid IN ('payloads'::regclass, 'tasks'::regclass)
  AND NOT convalidated;
