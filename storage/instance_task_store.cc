#include "storage/instance_task_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"

namespace longshore::storage {
namespace {

// The predicate of the index tasks_of_instances.
#define DUE_KIND "status = 'PENDING' AND blocked_by IS NULL AND payload_id IS NULL"

}  // namespace

absl::StatusOr<int64_t> InstanceTaskStore::Insert(Connection& connection, v1::TaskType type,
                                                  int64_t instance_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("INSERT INTO tasks (type, instance_id, deliver_by)"
                                      " VALUES ($1, $2, 'infinity') RETURNING id",
                                      Params().Text(EnumText(type)).Int(instance_id)));
  return result.Int(0, 0);
}

absl::StatusOr<std::optional<int64_t>> InstanceTaskStore::FindOpen(Connection& connection,
                                                                   v1::TaskType type,
                                                                   int64_t instance_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id FROM tasks WHERE instance_id = $2 AND type = $1"
                                      " AND status IN ('PENDING', 'RUNNING') ORDER BY id LIMIT 1",
                                      Params().Text(EnumText(type)).Int(instance_id)));
  if (result.rows() == 0) return std::nullopt;
  return result.Int(0, 0);
}

absl::StatusOr<std::vector<InstanceTask>> InstanceTaskStore::Claim(
    Connection& connection, const std::string& owner, int limit,
    std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "UPDATE tasks SET status = 'RUNNING', lease_epoch = lease_epoch + 1,"
          " attempt = attempt + 1, worker = $1,"
          " lease_until = now() + $3::bigint * interval '1 millisecond', updated_at = now()"
          " WHERE id IN (SELECT id FROM tasks WHERE " DUE_KIND " AND run_at <= now()"
          "  ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED)"
          " RETURNING id, lease_epoch, type, instance_id,"
          " (extract(epoch FROM now() - created_at) * 1000)::bigint",
          Params().Text(owner).Int(limit).Int(lease_duration.count())));
  std::vector<InstanceTask> tasks;
  for (int row = 0; row < result.rows(); ++row) {
    tasks.push_back({.id = result.Int(row, 0),
                     .lease_epoch = result.Int(row, 1),
                     .type = EnumFromText<v1::TaskType>(result.Text(row, 2)),
                     .instance_id = result.Int(row, 3),
                     .age = std::chrono::milliseconds(result.Int(row, 4))});
  }
  return tasks;
}

absl::StatusOr<bool> InstanceTaskStore::LockHeld(Connection& connection, const InstanceTask& task) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT 1 FROM tasks WHERE id = $1 AND lease_epoch = $2"
                                      " AND status = 'RUNNING' FOR UPDATE",
                                      Params().Int(task.id).Int(task.lease_epoch)));
  return result.rows() > 0;
}

absl::Status InstanceTaskStore::Complete(Connection& connection, int64_t id) {
  return connection
      .Execute(
          "UPDATE tasks SET status = 'COMPLETED', lease_until = NULL, error = '',"
          " updated_at = now() WHERE id = $1",
          Params().Int(id))
      .status();
}

absl::StatusOr<std::optional<std::chrono::milliseconds>> InstanceTaskStore::NextDue(
    Connection& connection) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT (extract(epoch FROM min(run_at) - now()) * 1000)::bigint"
                         " FROM tasks WHERE " DUE_KIND));
  if (result.IsNull(0, 0)) return std::nullopt;
  return std::chrono::milliseconds(result.Int(0, 0));
}

}  // namespace longshore::storage
