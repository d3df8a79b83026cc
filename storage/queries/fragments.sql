-- What several statements have in common. A statement takes it in by `${NAME}`.

-- fragment: due_task
-- Of a task t: it is due. This is the predicate of the index tasks_turn, so it has to read exactly like that.
t.status = 'PENDING'
AND t.waiting_since IS NULL
AND t.blocked_by IS NULL
AND NOT t.gated
AND t.payload_id IS NOT NULL
AND t.run_at <= now()

-- fragment: unstarted_task_of_stopping
-- Of a task t, its payload p and a deployment d: the rollout of d is being stopped, and the script of t has not been started.
t.deployment_id = d.id
AND d.rollout_state = 'STOPPING'
AND p.id = t.payload_id
AND p.status IN ('PENDING', 'TRANSFERRED')

-- fragment: leaves_its_place
-- Of a task t that is to be tried again at retry.run_at: it gives its place in its rollout to another meanwhile and goes back
-- behind the gate. It does not when its script runs or may run, nor when its deadline comes first.
(
  t.deliver_by > retry.run_at
  AND NOT t.maybe_started
  AND EXISTS (
    SELECT 1
    FROM deployments open_rollout
    JOIN payloads payload ON payload.deployment_id = open_rollout.id
    WHERE payload.id = t.payload_id
      AND payload.status <> 'EXECUTING'
      AND open_rollout.rollout_state = 'OPEN'
  )
)
