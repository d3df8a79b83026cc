-- A holder of the task may have had the script started without anybody having been told: its lease ran out, or its link broke, between
-- the word to start and the answer. Only the instance knows, so nothing is said of the payload before it has been asked.
ALTER TABLE tasks ADD COLUMN maybe_started boolean NOT NULL DEFAULT false;
CREATE INDEX tasks_maybe_started ON tasks (instance_id, remote_path) WHERE maybe_started AND status = 'PENDING';
