-- Leases that are renewed together: what runs for long costs a row a heartbeat, however many it is, instead of a row a task.
LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE;

-- Half of each page stays free, so that a renewal finds room beside the row; an index of lease_until would take that away.
CREATE TABLE lease_groups (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker text NOT NULL,
    lease_until timestamptz NOT NULL,
    -- How often tasks were taken out of it that have not ended: a renewal that has seen them in it does not count.
    changes bigint NOT NULL DEFAULT 0,
    -- Its time was over, and so are the leases of the tasks that are still in it: it cannot be renewed.
    ended boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

-- The group that the task's lease is renewed with. It counts only while lease_until is the last day of 9999: an api_server from
-- before there were groups, which knows lease_until alone, does not take such a lease for one that has run out, and whatever it
-- writes there takes the task out of its group. (Not infinity: it subtracts now() from it, and PostgreSQL refuses that.)
ALTER TABLE tasks ADD COLUMN lease_group bigint;
CREATE INDEX tasks_lease_group ON tasks (lease_group, id, lease_epoch)
WHERE status = 'RUNNING' AND lease_until = timestamptz '9999-12-31 00:00:00+00';
