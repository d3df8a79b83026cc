-- Under which lease a chunk was written, so that whether an older holder ever wrote can be told afterwards. 0: not known.
ALTER TABLE payload_output ADD COLUMN lease_epoch bigint NOT NULL DEFAULT 0;
