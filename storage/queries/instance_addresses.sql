-- Whose an address is: that of the project which has an instance there that is not terminated.

-- name: lock_address
-- Who is about to give an instance an address holds its lock to the end of the transaction: two at once would each find it free.
SELECT pg_advisory_xact_lock(720396418, hashtext(lower(@address) || ' ' || @port::integer));

-- name: find_address_of_others
SELECT id
FROM instances
WHERE lower(address) = lower(@address)
  AND port = @port
  AND project <> @project
  AND status <> 'TERMINATED'
LIMIT 1;
