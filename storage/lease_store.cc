#include "storage/lease_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/rollout_store.h"

namespace longshore::storage {
namespace {

// A run directory is not chased for longer than this; the instance is taken to be gone.
#define CLEANUP_GIVE_UP "interval '7 days'"

// When ClaimDue looks again at a task whose instance is not READY.
#define READINESS_RETRY "now() + $4::bigint * interval '1 millisecond'"
#define BACK_BEHIND_GATE LONGSHORE_BACK_BEHIND_GATE("t", READINESS_RETRY)

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
  return claim;
}

LockedTask ReadRefused(const Result& result, int row) {
  return {.id = result.Int(row, 0),
          .payload_id = result.Int(row, 4),
          .instance_id = result.Int(row, 5)};
}

}  // namespace

absl::StatusOr<ClaimResult> LeaseStore::ClaimDue(Connection& connection,
                                                 const std::vector<std::string>& workers,
                                                 const ClaimOptions& options) {
  RETURN_IF_ERROR(LockCapacity(connection));
  // One statement: take what is due, judge each row, then park, postpone and claim by verdict. A
  // path is busy while a task holds it and also while a script runs from it whose task has no
  // holder just now.
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "WITH due AS MATERIALIZED ("
          "  SELECT id, instance_id, payload_id, deployment_id, remote_path, maybe_started"
          "  FROM tasks WHERE status = 'PENDING' AND waiting_since IS NULL AND blocked_by IS NULL"
          "  AND NOT gated AND payload_id IS NOT NULL AND run_at <= now() ORDER BY run_at, id"
          "  LIMIT cardinality($1::text[]) FOR UPDATE SKIP LOCKED),"
          " running AS (SELECT instance_id, count(*) AS n FROM tasks WHERE status = 'RUNNING'"
          "  AND instance_id IN (SELECT instance_id FROM due) GROUP BY instance_id),"
          // What runs, or may run, comes first: others wait for it.
          " known AS (SELECT d.*, d.maybe_started OR p.status = 'EXECUTING' AS started"
          "  FROM due d JOIN payloads p ON p.id = d.payload_id),"
          // A script that runs on an instance about to go is attached to, to be stopped.
          " ranked AS (SELECT d.*, CASE WHEN i.terminating AND NOT d.started THEN 'TERMINATED'"
          "   ELSE i.status END AS instance_status,"
          "  row_number() OVER (PARTITION BY d.instance_id ORDER BY d.started DESC, d.id)"
          "   + coalesce(r.n, 0) AS place,"
          "  row_number() OVER (PARTITION BY d.instance_id, d.remote_path"
          "   ORDER BY d.started DESC, d.id) AS turn,"
          "  EXISTS (SELECT 1 FROM tasks b WHERE b.status = 'RUNNING'"
          "   AND b.instance_id = d.instance_id AND b.remote_path = d.remote_path)"
          "  OR EXISTS (SELECT 1 FROM payloads e WHERE e.status = 'EXECUTING'"
          "   AND e.instance_id = d.instance_id AND e.remote_path = d.remote_path"
          "   AND e.id <> d.payload_id) OR EXISTS (SELECT 1 FROM tasks m WHERE m.maybe_started"
          "   AND m.status = 'PENDING' AND m.instance_id = d.instance_id"
          "   AND m.remote_path = d.remote_path AND m.id <> d.id) AS path_busy"
          "  FROM known d JOIN instances i ON i.id = d.instance_id"
          "  LEFT JOIN running r ON r.instance_id = d.instance_id),"
          " recalled AS (SELECT *, EXISTS (SELECT 1 FROM deployments s"
          "   WHERE s.id = ranked.deployment_id AND s.rollout_state = 'STOPPING') AS recall"
          "  FROM ranked),"
          " judged AS (SELECT *, CASE WHEN recall AND NOT started THEN 'stopped'"
          "  WHEN instance_status = 'TERMINATED' THEN 'terminated'"
          "  WHEN instance_status = 'FAILED' THEN 'failed'"
          "  WHEN instance_status <> 'READY' THEN 'unready'"
          "  WHEN path_busy OR turn > 1 OR place > $3::integer THEN 'wait'"
          "  ELSE 'run' END AS verdict FROM recalled),"
          " numbered AS (SELECT *, row_number() OVER (PARTITION BY verdict ORDER BY id) AS number"
          "  FROM judged),"
          " parked AS (UPDATE tasks t SET waiting_since = now() FROM judged j"
          "  WHERE t.id = j.id AND j.verdict = 'wait'),"
          " postponed AS (UPDATE tasks t SET run_at = " READINESS_RETRY ","
          "  error = 'the instance is ' || j.instance_status, gated = " BACK_BEHIND_GATE
          "  FROM judged j WHERE t.id = j.id AND j.verdict = 'unready'),"
          " claimed AS (UPDATE tasks t SET status = 'RUNNING', lease_epoch = t.lease_epoch + 1,"
          "  attempt = t.attempt + 1, worker = ($1::text[])[n.number],"
          "  lease_until = now() + $2::bigint * interval '1 millisecond', updated_at = now()"
          "  FROM numbered n WHERE t.id = n.id AND n.verdict = 'run'"
          "  RETURNING t.id, t.lease_epoch, t.worker, t.type, t.cancel_requested)"
          " SELECT j.id, j.verdict, c.worker, c.lease_epoch, j.payload_id, j.instance_id,"
          " p.attempt, i.address, i.port, i.ssh_user, i.host_key, d.script_sha256, d.script_bytes,"
          " p.remote_path, c.type, p.execute_payload, p.timeout, p.output_bytes, p.status,"
          " c.cancel_requested, j.recall"
          " FROM judged j JOIN payloads p ON p.id = j.payload_id"
          " JOIN deployments d ON d.id = p.deployment_id JOIN instances i ON i.id = j.instance_id"
          " LEFT JOIN claimed c ON c.id = j.id ORDER BY j.id",
          Params()
              .Texts(workers)
              .Int(options.lease_duration.count())
              .Int(options.max_running_per_instance)
              .Int(options.readiness_delay.count())));
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

absl::StatusOr<std::vector<LeaseStore::Renewal>> LeaseStore::Renew(
    Connection& connection, const std::vector<int64_t>& task_ids,
    const std::vector<int64_t>& lease_epochs, std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "UPDATE tasks t SET lease_until = now() + $3::bigint * interval '1 millisecond'"
          " FROM unnest($1::bigint[], $2::bigint[]) AS u(id, epoch)"
          " WHERE t.id = u.id AND t.lease_epoch = u.epoch AND t.status = 'RUNNING'"
          " RETURNING t.id, t.lease_epoch, t.cancel_requested, t.recall_requested",
          Params().Ints(task_ids).Ints(lease_epochs).Int(lease_duration.count())));
  std::vector<Renewal> renewals;
  for (int row = 0; row < result.rows(); ++row) {
    renewals.push_back(
        {result.Int(row, 0), result.Int(row, 1), result.Bool(row, 2), result.Bool(row, 3)});
  }
  return renewals;
}

absl::StatusOr<int64_t> LeaseStore::ReapExpired(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("UPDATE tasks t SET status = 'PENDING', lease_until = NULL,"
                         " run_at = now(), updated_at = now(),"
                         // What its holder did last is not known.
                         " maybe_started = t.maybe_started OR EXISTS (SELECT 1 FROM payloads p"
                         "  WHERE p.id = t.payload_id"
                         "  AND (p.execute_payload OR t.type = 'PAYLOAD_EXECUTE'))"
                         " WHERE id IN (SELECT id FROM tasks"
                         " WHERE status = 'RUNNING' AND lease_until < now()"
                         " ORDER BY id FOR UPDATE SKIP LOCKED)"));
  return result.affected();
}

absl::StatusOr<std::vector<int64_t>> LeaseStore::FindUndelivered(Connection& connection,
                                                                 int limit) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT id FROM tasks WHERE status = 'PENDING'"
                         " AND waiting_since IS NULL AND blocked_by IS NULL"
                         " AND NOT gated AND deliver_by < now() AND payload_id IS NOT NULL"
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

absl::StatusOr<std::vector<v1::Assignment>> LeaseStore::ClaimCleanups(Connection& connection,
                                                                      int limit) {
  RETURN_IF_ERROR(connection
                      .Execute("DELETE FROM run_cleanups c USING instances i"
                               " WHERE i.id = c.instance_id AND (i.status = 'TERMINATED'"
                               " OR c.created_at < now() - " CLEANUP_GIVE_UP ")")
                      .status());
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "UPDATE run_cleanups c SET failures = c.failures + 1,"
          " run_at = now() + least(power(2, least(c.failures, 8)) * 20, 3600) * interval '1 second'"
          " FROM instances i, payloads p WHERE i.id = c.instance_id AND p.id = c.payload_id"
          " AND (c.payload_id, c.attempt) IN ("
          "  SELECT payload_id, attempt FROM run_cleanups WHERE run_at <= now()"
          "  ORDER BY run_at LIMIT $1 FOR UPDATE SKIP LOCKED)"
          " RETURNING c.payload_id, c.attempt, c.instance_id, p.remote_path, i.address, i.port,"
          " i.ssh_user, i.host_key",
          Params().Int(limit)));
  std::vector<v1::Assignment> assignments;
  for (int row = 0; row < result.rows(); ++row) {
    v1::Assignment& assignment = assignments.emplace_back();
    assignment.set_cleanup(true);
    assignment.set_payload_id(result.Int(row, 0));
    assignment.set_attempt(static_cast<int32_t>(result.Int(row, 1)));
    assignment.set_instance_id(result.Int(row, 2));
    assignment.set_remote_path(std::string(result.Text(row, 3)));
    ReadTarget(result, row, 4, &assignment);
  }
  return assignments;
}

absl::Status LeaseStore::DeleteCleanups(Connection& connection,
                                        const std::vector<int64_t>& payload_ids,
                                        const std::vector<int64_t>& attempts) {
  if (payload_ids.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "DELETE FROM run_cleanups c USING unnest($1::bigint[], $2::bigint[])"
          " AS u(payload_id, attempt)"
          " WHERE c.payload_id = u.payload_id AND c.attempt = u.attempt",
          Params().Ints(payload_ids).Ints(attempts))
      .status();
}

absl::Status WorkerStore::Upsert(Connection& connection, const v1::WorkerHello& hello) {
  return connection
      .Execute(
          "INSERT INTO workers (name, incarnation, version, public_key) VALUES ($1, $2, $3, $4)"
          " ON CONFLICT (name) DO UPDATE SET incarnation = $2, version = $3, public_key = $4,"
          " connected_at = now(), seen_at = now()",
          Params()
              .Text(hello.name())
              .Text(hello.incarnation())
              .Text(hello.version())
              .Text(hello.public_key()))
      .status();
}

absl::StatusOr<std::vector<std::string>> WorkerStore::PublicKeys(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT DISTINCT public_key FROM workers"
                                      " WHERE public_key <> '' ORDER BY public_key"));
  std::vector<std::string> keys;
  for (int row = 0; row < result.rows(); ++row) keys.emplace_back(result.Text(row, 0));
  return keys;
}

}  // namespace longshore::storage
