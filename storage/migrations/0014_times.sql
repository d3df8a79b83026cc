-- When a script had arrived, and when a task was claimed last: what a time line of a payload shows besides its start and its end.
LOCK TABLE tasks, payloads IN ACCESS EXCLUSIVE MODE;

ALTER TABLE payloads ADD COLUMN transferred_at timestamptz;

ALTER TABLE tasks ADD COLUMN claimed_at timestamptz;
