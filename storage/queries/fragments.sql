-- What several statements have in common. A statement takes it in by `${NAME}`.

-- fragment: in_scope
-- Of an instance i: the caller may see it, and its payloads and tasks (storage/scope.h).
(@every_project::boolean OR i.project = ANY (@scope::text[]))

-- fragment: deployment_in_scope
-- Of a deployment d: the caller may see it.
-- The index finds what has one of the projects; those that have others besides are then left out.
(@every_project::boolean OR (d.projects && @scope::text[] AND d.projects <@ @scope::text[]))

-- fragment: ready_task
-- Of a task t: it waits for its time only. This is the predicate of the index tasks_turn, so it has to read exactly like that.
t.status = 'PENDING'
AND t.waiting_since IS NULL
AND t.blocked_by IS NULL
AND NOT t.gated
AND t.payload_id IS NOT NULL

-- fragment: due_task
-- Of a task t: it is due.
${ready_task}
AND t.run_at <= now()

-- Statements that go by ids say of a status what it is not: no index has that, so no plan goes by the status instead. Statistics
-- from a moment when nothing was under way would make it seem the shorter way, and thousands of rows may be under way now.

-- fragment: open_payload
-- Of a payload p: it has not ended.
p.status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')

-- fragment: open_task
-- Of a task t: it has not ended.
t.status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')

-- fragment: held_task
-- Of a task t: somebody holds it.
t.status NOT IN ('PENDING', 'COMPLETED', 'FAILED', 'CANCELLED')

-- fragment: held_as_told
-- Of a task t and what a worker has told of one: that worker holds it. Once this is not so it is never so again.
t.id = told.task_id
AND ${held_task}
AND t.lease_epoch = told.lease_epoch
AND t.worker = told.worker

-- fragment: executes
-- Of a task t and its payload p: it runs the script, and does not only deliver it.
(p.execute_payload OR t.type = 'PAYLOAD_EXECUTE')

-- fragment: runs
-- Of a task t and its payload p: the script runs, as far as is stored, and is to. A start that was not believed makes all that
-- follows unbelievable.
${executes}
AND p.status NOT IN ('PENDING', 'TRANSFERRED', 'COMPLETED', 'FAILED', 'CANCELLED')

-- fragment: capacity_lock
-- The number is any one of Longshore's own.
pg_advisory_xact_lock(7203964171)

-- fragment: last_day
-- tasks.lease_until of a task whose lease is that of its group (lease_groups.sql).
timestamptz '9999-12-31 00:00:00+00'

-- fragment: grouped_task
-- Of a task t: its lease is that of its group. This is the predicate of the index tasks_lease_group.
t.status = 'RUNNING'
AND t.lease_until = ${last_day}

-- fragment: has_gate
-- Of a deployment d: its new tasks begin behind the gate.
(d.max_concurrency > 0 OR d.waves <> '{}' OR d.paused)

-- fragment: unstarted_task_of_stopping
-- Of a task t, its payload p and a deployment d: the rollout of d is being stopped, and the script of t has not been started.
t.deployment_id = d.id
AND d.rollout_state = 'STOPPING'
AND p.id = t.payload_id
AND p.status IN ('PENDING', 'TRANSFERRED')

-- fragment: leaves_its_place
-- Of a task t that is to be tried again at retry.run_at: it gives its place in its rollout to another meanwhile and goes back
-- behind the gate. It does not when its script runs or may run, nor when its deadline comes first.
-- Its payload leads to its rollout: a condition on rollouts would have all payloads of those that are open looked through.
(
  t.deliver_by > retry.run_at
  AND NOT t.maybe_started
  AND coalesce(
    (
      SELECT payload.status <> 'EXECUTING' AND rollout.rollout_state = 'OPEN'
      FROM payloads payload
      JOIN deployments rollout ON rollout.id = payload.deployment_id
      WHERE payload.id = t.payload_id
    ),
    false
  )
)

-- fragment: tell_dependents
-- Of `ended`, tasks that end in the same statement, with task_id and task_status: what becomes of those that depend on them.
-- What depends on a completed task can begin; its time for delivery counts from now.
released AS (
  UPDATE tasks t
  SET
    blocked_by = NULL,
    run_at = now(),
    deliver_by = now() + (t.deliver_by - t.created_at),
    updated_at = now()
  FROM ended
  WHERE ended.task_status = 'COMPLETED'
    AND t.blocked_by = ended.task_id
    AND t.id NOT IN (SELECT task_id FROM ended)
  RETURNING t.id
),

-- What depends on another one that ended ends with it.
ended_dependents AS (
  UPDATE tasks t
  SET
    status = CASE ended.task_status WHEN 'CANCELLED' THEN 'CANCELLED' ELSE 'FAILED' END,
    blocked_by = NULL,
    gated = false,
    error = 'task ' || ended.task_id || ', which it depends on, is ' || ended.task_status,
    updated_at = now()
  FROM ended
  WHERE ended.task_status <> 'COMPLETED'
    AND t.blocked_by = ended.task_id
    AND t.id NOT IN (SELECT task_id FROM ended)
)

-- fragment: project_of_payload
-- Of a payload p, for the log.
(SELECT i.project FROM instances i WHERE i.id = p.instance_id) AS project

-- fragment: task_of_payload
-- Of a payload p whose row has just been changed, for the log: who has its task, or had it last; its trace; and milliseconds:
-- how long the task waited until it was claimed, how long it then took until the script was there or began, and all of it so
-- far. Neither of the former where it was claimed once more after the script had begun, by a worker that took it over.
(
  SELECT ARRAY[
    t.worker,
    t.traceparent,
    coalesce((extract(epoch FROM claim.at - t.created_at) * 1000)::bigint::text, ''),
    coalesce((extract(epoch FROM claim.script_at - claim.at) * 1000)::bigint::text, ''),
    (extract(epoch FROM now() - t.created_at) * 1000)::bigint::text
  ]
  FROM tasks t
  CROSS JOIN LATERAL (
    SELECT
      CASE WHEN p.started_at < t.claimed_at THEN NULL ELSE t.claimed_at END AS at,
      -- What was delivered by an earlier task was not by this one.
      CASE WHEN p.transferred_at < t.claimed_at THEN p.started_at ELSE coalesce(p.started_at, p.transferred_at) END AS script_at
  ) claim
  WHERE t.id = p.task_id
) AS of_task
