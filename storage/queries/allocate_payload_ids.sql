-- Gives ids to payloads that are to be inserted together with what refers to them.
SELECT nextval('payloads_id_seq') AS id
FROM generate_series(1, @count::bigint);
