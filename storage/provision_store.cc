#include "storage/provision_store.h"

#include "common/status_macros.h"
#include "storage/instance_task_store.h"
#include "storage/rows.h"

namespace longshore::storage {
namespace {

// Kept of a task's log in all: its end.
constexpr int64_t kMaxLogCharacters = 256 * 1024;

}  // namespace

absl::StatusOr<std::vector<longshore::storage::Claim>> ProvisionStore::Claim(
    Connection& connection, const std::string& worker, int limit,
    std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "WITH due AS MATERIALIZED (SELECT id, instance_id FROM tasks WHERE status = 'PENDING'"
          "  AND blocked_by IS NULL AND type = 'PROVISION_INSTANCE' AND run_at <= now()"
          "  ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED),"
          " marked AS (UPDATE instances SET status = 'PROVISIONING', updated_at = now()"
          "  WHERE id IN (SELECT instance_id FROM due) AND status = 'CREATED'),"
          " claimed AS (UPDATE tasks t SET status = 'RUNNING', lease_epoch = t.lease_epoch + 1,"
          "  attempt = t.attempt + 1, worker = $1, updated_at = now(),"
          "  lease_until = now() + $3::bigint * interval '1 millisecond' FROM due d"
          "  WHERE t.id = d.id RETURNING t.id, t.lease_epoch, t.cancel_requested, t.instance_id)"
          " SELECT c.id, c.lease_epoch, c.cancel_requested, i.id, i.address, i.port, i.ssh_user,"
          " i.host_key, i.name, i.tags FROM claimed c JOIN instances i ON i.id = c.instance_id"
          " ORDER BY c.id",
          Params().Text(worker).Int(limit).Int(lease_duration.count())));
  std::vector<longshore::storage::Claim> claims;
  for (int row = 0; row < result.rows(); ++row) {
    longshore::storage::Claim& claim = claims.emplace_back();
    claim.worker = worker;
    v1::Assignment& assignment = claim.assignment;
    assignment.set_provision(true);
    assignment.set_task_id(result.Int(row, 0));
    assignment.set_lease_epoch(result.Int(row, 1));
    assignment.set_cancel_requested(result.Bool(row, 2));
    assignment.set_instance_id(result.Int(row, 3));
    assignment.set_address(std::string(result.Text(row, 4)));
    assignment.set_port(static_cast<int32_t>(result.Int(row, 5)));
    assignment.set_ssh_user(std::string(result.Text(row, 6)));
    assignment.set_host_key(std::string(result.Text(row, 7)));
    assignment.set_instance_name(std::string(result.Text(row, 8)));
    for (std::string& tag : result.TextArray(row, 9)) assignment.add_tags(std::move(tag));
  }
  return claims;
}

absl::Status ProvisionStore::Complete(Connection& connection, const LockedTask& task) {
  RETURN_IF_ERROR(connection
                      .Execute("UPDATE instances SET status = 'READY', updated_at = now()"
                               " WHERE id = $1",
                               Params().Int(task.instance_id))
                      .status());
  return InstanceTaskStore::End(connection, task.id, v1::TASK_STATUS_COMPLETED);
}

absl::Status ProvisionStore::TryAgain(Connection& connection, const LockedTask& task,
                                      std::chrono::milliseconds delay, const std::string& error) {
  return InstanceTaskStore::Postpone(connection, task.id, delay, error, /*failed=*/true);
}

absl::StatusOr<std::vector<int64_t>> ProvisionStore::FindOverdue(Connection& connection,
                                                                 int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id FROM tasks WHERE status = 'PENDING'"
                                      " AND blocked_by IS NULL AND type = 'PROVISION_INSTANCE'"
                                      " AND deliver_by < now() ORDER BY id LIMIT $1"
                                      " FOR UPDATE SKIP LOCKED",
                                      Params().Int(limit)));
  return ReadIds(result);
}

absl::StatusOr<bool> ProvisionStore::InTime(Connection& connection, const LockedTask& task) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT now() < deliver_by FROM tasks WHERE id = $1",
                                      Params().Int(task.id)));
  return result.rows() > 0 && result.Bool(0, 0);
}

absl::Status ProvisionStore::AppendLog(Connection& connection, int64_t task_id,
                                       const std::string& log) {
  return connection
      .Execute(
          "INSERT INTO task_logs AS l (task_id, log) VALUES ($1, right($2, $3::integer))"
          " ON CONFLICT (task_id) DO UPDATE"
          " SET log = right(l.log || $2, $3::integer), updated_at = now()",
          Params().Int(task_id).Text(log).Int(kMaxLogCharacters))
      .status();
}

absl::StatusOr<std::string> ProvisionStore::GetLog(Connection& connection, int64_t task_id) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT log FROM task_logs WHERE task_id = $1", Params().Int(task_id)));
  return result.rows() == 0 ? "" : std::string(result.Text(0, 0));
}

}  // namespace longshore::storage
