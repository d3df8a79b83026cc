-- invariant 8: nothing is left to be removed from instances
SELECT
  'payload ' || c.payload_id AS subject,
  'attempt ' || c.attempt || ': what it left on instance ' || c.instance_id || ' is not removed after ' || c.failures
    || ' tries' AS detail
FROM run_cleanups c
JOIN instances i ON i.id = c.instance_id
-- While something is under way there are always some.
WHERE @quiescent::boolean
  -- From an instance that is gone nobody removes anything.
  AND i.status <> 'TERMINATED';
