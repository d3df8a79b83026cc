-- Instances that a provider makes.
ALTER TABLE instances
    -- Names the machine at its provider: the same for every try to make it, so that none is made twice.
    ADD COLUMN machine_key text NOT NULL DEFAULT '';
CREATE UNIQUE INDEX instances_machine_key ON instances (machine_key) WHERE machine_key <> '';
-- What new machines let in: "TYPE BASE64".
ALTER TABLE workers ADD COLUMN public_key text NOT NULL DEFAULT '';
