-- What lists go by that leave most rows out. Of the large tables only rows that are rare are in them, so that the others cost
-- nothing more.
LOCK TABLE tasks, payloads, instances, audit_events IN SHARE MODE;

CREATE INDEX tasks_failed ON tasks (status, id) WHERE status IN ('FAILED', 'CANCELLED');
CREATE INDEX tasks_of_type ON tasks (type, id) WHERE type <> 'PAYLOAD_TRANSFER';

CREATE INDEX payloads_failure_reason ON payloads (failure_reason, id) WHERE failure_reason <> '';

CREATE INDEX audit_events_principal ON audit_events (principal, id);

-- All of them: there are few, and they change little.
CREATE INDEX instances_status ON instances (status, id);
