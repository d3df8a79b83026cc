-- What finds rows that are old enough to go, and what their foreign keys are looked up by when they do. Reads go on meanwhile.
LOCK TABLE tasks, payloads, instances, request_ids IN SHARE MODE;

CREATE INDEX payloads_finished ON payloads (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX tasks_of_instances_ended ON tasks (updated_at) WHERE payload_id IS NULL AND status NOT IN ('PENDING', 'RUNNING');

CREATE INDEX tasks_depends_on ON tasks (depends_on) WHERE depends_on IS NOT NULL;

CREATE INDEX instances_payload ON instances (payload_id) WHERE payload_id IS NOT NULL;

CREATE INDEX request_ids_created ON request_ids (created_at);
