-- W3C trace context of the requests that deployments and tasks come from; empty without one.
LOCK TABLE tasks, deployments IN ACCESS EXCLUSIVE MODE;

ALTER TABLE deployments ADD COLUMN traceparent text NOT NULL DEFAULT '';
ALTER TABLE tasks ADD COLUMN traceparent text NOT NULL DEFAULT '';
