#include "storage/lease_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/rollout_store.h"

namespace longshore::storage {
namespace {

// A run directory is not chased for longer than this; the instance is taken to be gone.
#define CLEANUP_GIVE_UP "interval '7 days'"

// The name of a run on its instance; see Assignment.run.
#define RUN_NAME(run_id, id, attempt) \
  "coalesce(nullif(" run_id ", ''), " id " || '.' || " attempt ")"

// When ClaimDue looks again at a task whose instance is not READY.
#define READINESS_RETRY "now() + $4::bigint * interval '1 millisecond'"
#define BACK_BEHIND_GATE LONGSHORE_BACK_BEHIND_GATE("t", READINESS_RETRY)

// Of a task t: it is due, as the index tasks_turn has it.
#define DUE                                                                                   \
  "t.status = 'PENDING' AND t.waiting_since IS NULL AND t.blocked_by IS NULL AND NOT t.gated" \
  " AND t.payload_id IS NOT NULL AND t.run_at <= now()"

// The longest due tasks t of each flow; the parameters are arrays of its columns.
#define LONGEST_DUE(projects, deployment_ids, shares, set_aside, locking)                        \
  "unnest(" projects "::text[], " deployment_ids "::bigint[], " shares                           \
  "::bigint[])"                                                                                  \
  " AS f(project, deployment_id, share), LATERAL (SELECT * FROM tasks t WHERE " DUE              \
  " AND t.project = f.project AND t.deployment_id = f.deployment_id AND t.id <> ALL (" set_aside \
  "::bigint[]) ORDER BY t.run_at, t.id LIMIT f.share " locking ") t"

// Row `other` has the remote_path of the due task d. The hash is what the indexes hold.
#define SAME_PATH(other)                                                   \
  "path_hash(" other ".remote_path) = path_hash(d.remote_path) AND " other \
  ".remote_path = d.remote_path"

// One statement: take what is due, judge each row, then park, postpone and claim by verdict. A path
// is busy while a task holds it and also while a script runs from it whose task has no holder just
// now. What runs, or may run, comes first: others wait for it. A script that runs on an instance
// about to go is attached to, to be stopped. $1 to $4: see ClaimParams.
#define CLAIM(due_tasks) \
  "WITH due AS MATERIALIZED (" due_tasks ")," \
  " running AS (SELECT instance_id, count(*) AS n FROM tasks WHERE status = 'RUNNING'" \
  "  AND instance_id IN (SELECT instance_id FROM due) GROUP BY instance_id)," \
  " known AS (SELECT d.*, d.maybe_started OR p.status = 'EXECUTING' AS started" \
  "  FROM due d JOIN payloads p ON p.id = d.payload_id)," \
  " ranked AS (SELECT d.*, CASE WHEN i.terminating AND NOT d.started THEN 'TERMINATED'" \
  "   ELSE i.status END AS instance_status," \
  "  row_number() OVER (PARTITION BY d.instance_id ORDER BY d.started DESC, d.id)" \
  "   + coalesce(r.n, 0) AS place," \
  "  row_number() OVER (PARTITION BY d.instance_id, d.remote_path" \
  "   ORDER BY d.started DESC, d.id) AS turn," \
  "  EXISTS (SELECT 1 FROM tasks b WHERE b.status = 'RUNNING'" \
  "   AND b.instance_id = d.instance_id AND " SAME_PATH("b") ")" \
  "  OR EXISTS (SELECT 1 FROM payloads e WHERE e.status = 'EXECUTING'" \
  "   AND e.instance_id = d.instance_id AND " SAME_PATH("e") \
  "   AND e.id <> d.payload_id) OR EXISTS (SELECT 1 FROM tasks m WHERE m.maybe_started" \
  "   AND m.status = 'PENDING' AND m.instance_id = d.instance_id" \
  "   AND " SAME_PATH("m") " AND m.id <> d.id) AS path_busy" \
  "  FROM known d JOIN instances i ON i.id = d.instance_id" \
  "  LEFT JOIN running r ON r.instance_id = d.instance_id)," \
  " recalled AS (SELECT *, EXISTS (SELECT 1 FROM deployments s" \
  "   WHERE s.id = ranked.deployment_id AND s.rollout_state = 'STOPPING') AS recall" \
  "  FROM ranked)," \
  " judged AS (SELECT *, CASE WHEN recall AND NOT started THEN 'stopped'" \
  "  WHEN instance_status = 'TERMINATED' THEN 'terminated'" \
  "  WHEN instance_status = 'FAILED' THEN 'failed'" \
  "  WHEN instance_status <> 'READY' THEN 'unready'" \
  "  WHEN path_busy OR turn > 1 OR place > $3::integer THEN 'wait'" \
  "  ELSE 'run' END AS verdict FROM recalled)," \
  " numbered AS (SELECT *, row_number() OVER (PARTITION BY verdict ORDER BY id) AS number" \
  "  FROM judged)," \
  " parked AS (UPDATE tasks t SET waiting_since = now() FROM judged j" \
  "  WHERE t.id = j.id AND j.verdict = 'wait')," \
  " postponed AS (UPDATE tasks t SET run_at = " READINESS_RETRY "," \
  "  error = 'the instance is ' || j.instance_status, gated = " BACK_BEHIND_GATE \
  "  FROM judged j WHERE t.id = j.id AND j.verdict = 'unready')," \
  " claimed AS (UPDATE tasks t SET status = 'RUNNING', lease_epoch = t.lease_epoch + 1," \
  "  attempt = t.attempt + 1, worker = ($1::text[])[n.number]," \
  "  lease_until = now() + $2::bigint * interval '1 millisecond', updated_at = now()" \
  "  FROM numbered n WHERE t.id = n.id AND n.verdict = 'run'" \
  "  RETURNING t.id, t.lease_epoch, t.worker, t.type, t.cancel_requested, t.failures)" \
  " SELECT j.id, j.verdict, c.worker, c.lease_epoch, j.payload_id, j.instance_id," \
  " p.attempt, i.address, i.port, i.ssh_user, i.host_key, d.script_sha256, d.script_bytes," \
  " p.remote_path, c.type, p.execute_payload, p.timeout, p.output_bytes, p.status," \
  " c.cancel_requested, j.recall, " RUN_NAME("p.run_id", "p.id", "p.attempt") ", c.failures" \
  " FROM judged j JOIN payloads p ON p.id = j.payload_id" \
  " JOIN deployments d ON d.id = p.deployment_id JOIN instances i ON i.id = j.instance_id" \
  " LEFT JOIN claimed c ON c.id = j.id ORDER BY j.id"

// What an assignment says of the instance: address, port, ssh_user, host_key, from column `column`
// on.
void ReadTarget(const Result& result, int row, int column, v1::Assignment* assignment) {
  assignment->set_address(std::string(result.Text(row, column)));
  assignment->set_port(static_cast<int32_t>(result.Int(row, column + 1)));
  assignment->set_ssh_user(std::string(result.Text(row, column + 2)));
  assignment->set_host_key(std::string(result.Text(row, column + 3)));
}

Claim ReadClaim(const Result& result, int row, int64_t max_output_bytes) {
  Claim claim;
  claim.worker = std::string(result.Text(row, 2));
  v1::Assignment& assignment = claim.assignment;
  assignment.set_task_id(result.Int(row, 0));
  assignment.set_lease_epoch(result.Int(row, 3));
  assignment.set_payload_id(result.Int(row, 4));
  assignment.set_instance_id(result.Int(row, 5));
  assignment.set_attempt(static_cast<int32_t>(result.Int(row, 6)));
  ReadTarget(result, row, 7, &assignment);
  assignment.set_script_sha256(result.Bytes(row, 11));
  assignment.set_script_bytes(result.Int(row, 12));
  assignment.set_remote_path(std::string(result.Text(row, 13)));
  const bool transfer = result.Text(row, 14) == "PAYLOAD_TRANSFER";
  assignment.set_transfer(transfer);
  assignment.set_execute(!transfer || result.Bool(row, 15));
  assignment.set_timeout(static_cast<int32_t>(result.Int(row, 16)));
  assignment.set_output_offset(result.Int(row, 17));
  assignment.set_max_output_bytes(max_output_bytes);
  assignment.set_executing(result.Text(row, 18) == "EXECUTING");
  assignment.set_first_lease(result.Int(row, 3) == 1);
  assignment.set_cancel_requested(result.Bool(row, 19));
  assignment.set_recall_requested(result.Bool(row, 20));
  assignment.set_run(std::string(result.Text(row, 21)));
  assignment.set_failures(static_cast<int32_t>(result.Int(row, 22)));
  return claim;
}

LockedTask ReadRefused(const Result& result, int row) {
  return {.id = result.Int(row, 0),
          .payload_id = result.Int(row, 4),
          .instance_id = result.Int(row, 5)};
}

struct FlowColumns {
  explicit FlowColumns(const std::vector<DueFlow>& flows) {
    for (const DueFlow& flow : flows) {
      projects.push_back(flow.project);
      deployment_ids.push_back(flow.deployment_id);
      shares.push_back(flow.due);
    }
  }
  std::vector<std::string> projects;
  std::vector<int64_t> deployment_ids;
  std::vector<int64_t> shares;
};

Params ClaimParams(const std::vector<std::string>& workers, const ClaimOptions& options) {
  Params params;
  params.Texts(workers)
      .Int(options.lease_duration.count())
      .Int(options.max_running_per_instance)
      .Int(options.readiness_delay.count());
  return params;
}

ClaimResult ReadClaims(const Result& result, const ClaimOptions& options) {
  ClaimResult claimed;
  claimed.examined = result.rows();
  for (int row = 0; row < result.rows(); ++row) {
    const std::string_view verdict = result.Text(row, 1);
    if (verdict == "run") {
      claimed.claims.push_back(ReadClaim(result, row, options.max_output_bytes));
    } else if (verdict == "stopped") {
      LockedTask task = ReadRefused(result, row);
      task.recall_requested = true;
      claimed.refused.push_back(CancelledEnd(task));
    } else if (verdict == "terminated") {
      claimed.refused.push_back(TerminatedEnd(ReadRefused(result, row)));
    } else if (verdict == "failed") {
      claimed.refused.push_back(InstanceFailedEnd(ReadRefused(result, row)));
    }
  }
  return claimed;
}

}  // namespace

absl::StatusOr<std::vector<DueFlow>> LeaseStore::FindDueFlows(
    Connection& connection, int most_counted, const std::vector<int64_t>& set_aside) {
  // From one to the next in the index, so that it costs as much as there are deployments, however
  // many tasks they have.
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "WITH RECURSIVE projects AS ("
          "  (SELECT t.project FROM tasks t WHERE " DUE " ORDER BY t.project LIMIT 1)"
          "  UNION ALL SELECT next.project FROM projects p, LATERAL ("
          "   SELECT t.project FROM tasks t WHERE " DUE " AND t.project > p.project"
          "   ORDER BY t.project LIMIT 1) next)"
          " SELECT l.project, d.deployment_id, c.due"
          " FROM (SELECT project FROM projects LIMIT 500) l, LATERAL ("
          "  WITH RECURSIVE oldest AS ("
          "   (SELECT t.deployment_id FROM tasks t WHERE " DUE " AND t.project = l.project"
          "    ORDER BY t.deployment_id LIMIT 1)"
          "   UNION ALL SELECT next.deployment_id FROM oldest o, LATERAL ("
          "    SELECT t.deployment_id FROM tasks t WHERE " DUE " AND t.project = l.project"
          "    AND t.deployment_id > o.deployment_id ORDER BY t.deployment_id LIMIT 1) next),"
          "  newest AS ("
          "   (SELECT t.deployment_id FROM tasks t WHERE " DUE " AND t.project = l.project"
          "    ORDER BY t.deployment_id DESC LIMIT 1)"
          "   UNION ALL SELECT next.deployment_id FROM newest n, LATERAL ("
          "    SELECT t.deployment_id FROM tasks t WHERE " DUE " AND t.project = l.project"
          "    AND t.deployment_id < n.deployment_id ORDER BY t.deployment_id DESC LIMIT 1) next)"
          "  (SELECT deployment_id FROM oldest LIMIT 100) UNION"
          "  (SELECT deployment_id FROM newest LIMIT 100)) d, LATERAL ("
          "  SELECT count(*) AS due FROM (SELECT 1 FROM tasks t WHERE " DUE
          "   AND t.project = l.project AND t.deployment_id = d.deployment_id"
          "   AND t.id <> ALL ($2::bigint[]) LIMIT $1) counted) c WHERE c.due > 0",
          Params().Int(most_counted).Ints(set_aside)));
  std::vector<DueFlow> flows;
  for (int row = 0; row < result.rows(); ++row) {
    flows.push_back({.project = std::string(result.Text(row, 0)),
                     .deployment_id = result.Int(row, 1),
                     .due = static_cast<int>(result.Int(row, 2))});
  }
  return flows;
}

absl::StatusOr<std::vector<int64_t>> LeaseStore::FindDue(Connection& connection,
                                                         const std::vector<DueFlow>& flows,
                                                         const std::vector<int64_t>& set_aside) {
  const FlowColumns columns(flows);
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT t.id FROM " LONGEST_DUE("$1", "$2", "$3", "$4", ""),
                                      Params()
                                          .Texts(columns.projects)
                                          .Ints(columns.deployment_ids)
                                          .Ints(columns.shares)
                                          .Ints(set_aside)));
  return ReadIds(result);
}

absl::StatusOr<ClaimResult> LeaseStore::ClaimDue(Connection& connection,
                                                 const std::vector<DueFlow>& flows,
                                                 const std::vector<int64_t>& set_aside,
                                                 const std::vector<std::string>& workers,
                                                 const ClaimOptions& options) {
  RETURN_IF_ERROR(LockCapacity(connection));
  const FlowColumns columns(flows);
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(CLAIM("SELECT t.id, t.instance_id, t.payload_id, t.deployment_id,"
                               " t.remote_path, t.maybe_started FROM " LONGEST_DUE(
                                   "$5", "$6", "$7", "$8",
                                   "FOR UPDATE SKIP LOCKED") " LIMIT cardinality($1::text[])"),
                         ClaimParams(workers, options)
                             .Texts(columns.projects)
                             .Ints(columns.deployment_ids)
                             .Ints(columns.shares)
                             .Ints(set_aside)));
  return ReadClaims(result, options);
}

absl::StatusOr<ClaimResult> LeaseStore::ClaimTasks(Connection& connection,
                                                   const std::vector<int64_t>& task_ids,
                                                   const std::vector<std::string>& workers,
                                                   const ClaimOptions& options) {
  RETURN_IF_ERROR(LockCapacity(connection));
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(CLAIM("SELECT t.id, t.instance_id, t.payload_id, t.deployment_id,"
                               " t.remote_path, t.maybe_started FROM tasks t WHERE " DUE
                               " AND t.id = ANY ($5::bigint[]) ORDER BY t.id"
                               " LIMIT cardinality($1::text[]) FOR UPDATE SKIP LOCKED"),
                         ClaimParams(workers, options).Ints(task_ids)));
  return ReadClaims(result, options);
}

absl::StatusOr<std::vector<LeaseStore::Renewal>> LeaseStore::Renew(
    Connection& connection, const std::vector<HeldLease>& leases,
    std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "UPDATE tasks t SET lease_until = now() + $4::bigint * interval '1 millisecond'"
          " FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS u(id, epoch, worker)"
          " WHERE t.id = u.id AND t.lease_epoch = u.epoch AND t.worker = u.worker"
          " AND t.status = 'RUNNING'"
          " RETURNING t.id, t.lease_epoch, t.worker, t.cancel_requested, t.recall_requested",
          LeaseParams(leases).Int(lease_duration.count())));
  std::vector<Renewal> renewals;
  for (int row = 0; row < result.rows(); ++row) {
    renewals.push_back({.lease = {.task_id = result.Int(row, 0),
                                  .lease_epoch = result.Int(row, 1),
                                  .worker = std::string(result.Text(row, 2))},
                        .cancel_requested = result.Bool(row, 3),
                        .recall_requested = result.Bool(row, 4)});
  }
  return renewals;
}

absl::StatusOr<std::vector<int64_t>> LeaseStore::FindExpired(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id FROM tasks WHERE status = 'RUNNING'"
                                      " AND lease_until < now() ORDER BY lease_until LIMIT $1",
                                      Params().Int(limit)));
  return ReadIds(result);
}

absl::StatusOr<int64_t> LeaseStore::ReapExpired(Connection& connection,
                                                const std::vector<int64_t>& task_ids) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("UPDATE tasks t SET status = 'PENDING', lease_until = NULL,"
                         " run_at = now(), updated_at = now(),"
                         // What its holder did last is not known.
                         " maybe_started = t.maybe_started OR EXISTS (SELECT 1 FROM payloads p"
                         "  WHERE p.id = t.payload_id"
                         "  AND (p.execute_payload OR t.type = 'PAYLOAD_EXECUTE'))"
                         " WHERE id IN (SELECT id FROM tasks"
                         " WHERE id = ANY ($1::bigint[]) AND status = 'RUNNING'"
                         " AND lease_until < now() ORDER BY id FOR UPDATE SKIP LOCKED)",
                         Params().Ints(task_ids)));
  return result.affected();
}

absl::StatusOr<std::vector<int64_t>> LeaseStore::FindUndelivered(Connection& connection, int limit,
                                                                 std::chrono::seconds grace) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT id FROM tasks WHERE payload_id IS NOT NULL AND ((status ="
                         " 'PENDING' AND waiting_since IS NULL AND blocked_by IS NULL"
                         " AND NOT gated AND deliver_by < now()) OR (status = 'RUNNING'"
                         " AND end_by IS NULL"
                         " AND deliver_by < now() - $2::bigint * interval '1 second'))"
                         " ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
                         Params().Int(limit).Int(grace.count())));
  return ReadIds(result);
}

absl::StatusOr<std::vector<int64_t>> LeaseStore::FindOverrun(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id FROM tasks WHERE status = 'RUNNING'"
                                      " AND payload_id IS NOT NULL AND end_by < now()"
                                      " ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
                                      Params().Int(limit)));
  return ReadIds(result);
}

absl::Status LeaseStore::WakeStranded(Connection& connection) {
  RETURN_IF_ERROR(LockCapacity(connection));
  return connection
      .Execute(
          "UPDATE tasks t SET waiting_since = NULL, run_at = now(),"
          " deliver_by = t.deliver_by + (now() - t.waiting_since)"
          " WHERE t.waiting_since IS NOT NULL AND NOT EXISTS (SELECT 1 FROM tasks r"
          " WHERE r.status = 'RUNNING' AND r.instance_id = t.instance_id)")
      .status();
}

absl::StatusOr<std::optional<std::chrono::milliseconds>> LeaseStore::NextDue(
    Connection& connection) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "SELECT (extract(epoch FROM least("
          " (SELECT min(run_at) FROM tasks WHERE status = 'PENDING' AND waiting_since IS NULL"
          "  AND blocked_by IS NULL AND NOT gated AND payload_id IS NOT NULL),"
          " (SELECT min(lease_until) FROM tasks WHERE status = 'RUNNING'),"
          " (SELECT min(end_by) FROM tasks WHERE status = 'RUNNING' AND end_by IS NOT NULL),"
          " (SELECT min(deliver_by) FROM tasks WHERE status = 'PENDING'"
          "  AND waiting_since IS NULL AND blocked_by IS NULL AND NOT gated"
          "  AND payload_id IS NOT NULL),"
          " (SELECT min(run_at) FROM tasks WHERE status = 'PENDING' AND blocked_by IS NULL"
          "  AND type = 'PROVISION_INSTANCE'),"
          // Behind a gate only what is not due yet: what is due waits for a task to end.
          " (SELECT min(g.run_at) FROM deployments d, tasks g WHERE d.rollout_state = 'OPEN'"
          "  AND g.deployment_id = d.id AND g.gated AND g.status = 'PENDING' AND g.run_at > now()),"
          " (SELECT min(run_at) FROM run_cleanups)) - now()) * 1000)::bigint"));
  if (result.IsNull(0, 0)) return std::nullopt;
  return std::chrono::milliseconds(result.Int(0, 0));
}

absl::StatusOr<std::vector<Claim>> LeaseStore::ClaimCleanups(
    Connection& connection, const std::vector<std::string>& workers) {
  RETURN_IF_ERROR(connection
                      .Execute("DELETE FROM run_cleanups c USING instances i"
                               " WHERE i.id = c.instance_id AND (i.status = 'TERMINATED'"
                               " OR c.created_at < now() - " CLEANUP_GIVE_UP ")")
                      .status());
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "WITH due AS MATERIALIZED (SELECT payload_id, attempt, row_number() OVER () AS number"
          "  FROM (SELECT payload_id, attempt FROM run_cleanups WHERE run_at <= now()"
          "   ORDER BY run_at LIMIT cardinality($1::text[]) FOR UPDATE SKIP LOCKED) d)"
          " UPDATE run_cleanups c SET failures = c.failures + 1, worker = ($1::text[])[due.number],"
          " run_at = now() + least(power(2, least(c.failures, 8)) * 20, 3600) * interval '1 second'"
          " FROM due, instances i, payloads p WHERE i.id = c.instance_id AND p.id = c.payload_id"
          " AND c.payload_id = due.payload_id AND c.attempt = due.attempt"
          " RETURNING c.payload_id, c.attempt, c.instance_id, p.remote_path, c.worker, c.failures,"
          " " RUN_NAME("c.run_id", "c.payload_id",
                       "c.attempt") ","
                                    " i.address, i.port, i.ssh_user, i.host_key",
          Params().Texts(workers)));
  std::vector<Claim> claims;
  for (int row = 0; row < result.rows(); ++row) {
    Claim& claim = claims.emplace_back();
    claim.worker = std::string(result.Text(row, 4));
    claim.assignment.set_cleanup(true);
    claim.assignment.set_payload_id(result.Int(row, 0));
    claim.assignment.set_attempt(static_cast<int32_t>(result.Int(row, 1)));
    claim.assignment.set_instance_id(result.Int(row, 2));
    claim.assignment.set_remote_path(std::string(result.Text(row, 3)));
    claim.assignment.set_lease_epoch(result.Int(row, 5));
    claim.assignment.set_run(std::string(result.Text(row, 6)));
    ReadTarget(result, row, 7, &claim.assignment);
  }
  return claims;
}

absl::Status LeaseStore::DeleteCleanups(Connection& connection,
                                        const std::vector<CleanedRun>& cleaned) {
  if (cleaned.empty()) return absl::OkStatus();
  std::vector<int64_t> payload_ids;
  std::vector<int64_t> attempts;
  std::vector<int64_t> task_ids;
  std::vector<int64_t> lease_epochs;
  std::vector<std::string> workers;
  for (const CleanedRun& run : cleaned) {
    payload_ids.push_back(run.payload_id);
    attempts.push_back(run.attempt);
    task_ids.push_back(run.task_id);
    lease_epochs.push_back(run.lease_epoch);
    workers.push_back(run.worker);
  }
  return connection
      .Execute(
          "DELETE FROM run_cleanups c USING unnest($1::bigint[], $2::bigint[], $3::bigint[],"
          " $4::bigint[], $5::text[]) AS u(payload_id, attempt, task_id, lease_epoch, worker)"
          " WHERE c.payload_id = u.payload_id AND c.attempt = u.attempt AND CASE u.task_id"
          " WHEN 0 THEN c.worker = u.worker AND c.failures = u.lease_epoch"
          " ELSE EXISTS (SELECT 1 FROM tasks t WHERE t.id = u.task_id"
          "  AND t.payload_id = u.payload_id AND t.lease_epoch = u.lease_epoch"
          "  AND t.worker = u.worker) END",
          Params()
              .Ints(payload_ids)
              .Ints(attempts)
              .Ints(task_ids)
              .Ints(lease_epochs)
              .Texts(workers))
      .status();
}

absl::Status WorkerStore::Upsert(Connection& connection, const v1::WorkerHello& hello) {
  return connection
      .Execute(
          "INSERT INTO workers (name, incarnation, version) VALUES ($1, $2, $3)"
          " ON CONFLICT (name) DO UPDATE SET incarnation = $2, version = $3,"
          " connected_at = now(), seen_at = now()",
          Params().Text(hello.name()).Text(hello.incarnation()).Text(hello.version()))
      .status();
}

}  // namespace longshore::storage
