-- The machine that a provider has made for an instance. machine_key names it there.

-- name: get_machine
SELECT machine_key, terminating
FROM instances
WHERE id = @instance_id;

-- name: list_live_machines
-- A registered instance has no key: it is no provider's machine.
SELECT provider, machine_key
FROM instances
WHERE machine_key <> ''
  AND NOT terminating
  AND status IN ('CREATED', 'PROVISIONING', 'READY');
