#include "storage/instance_task_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/rows.h"
#include "storage/task_store.h"

namespace longshore::storage {
namespace {

// The predicate of the index tasks_of_instances, without what is for the workers.
#define DUE_KIND                                                     \
  "status = 'PENDING' AND blocked_by IS NULL AND payload_id IS NULL" \
  " AND type <> 'PROVISION_INSTANCE'"

}  // namespace

absl::StatusOr<int64_t> InstanceTaskStore::Insert(Connection& connection,
                                                  const NewInstanceTask& task) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(
                       "INSERT INTO tasks (type, instance_id, depends_on, blocked_by, deliver_by)"
                       " VALUES ($1, $2, nullif($3::bigint, 0), nullif($3::bigint, 0),"
                       " coalesce(now() + nullif($4::bigint, 0) * interval '1 second', 'infinity'))"
                       " RETURNING id",
                       Params()
                           .Text(EnumText(task.type))
                           .Int(task.instance_id)
                           .Int(task.depends_on)
                           .Int(task.time_limit.count())));
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
          " RETURNING id, lease_epoch, type, instance_id, failures,"
          " (extract(epoch FROM now() - created_at) * 1000)::bigint, deliver_by < now()",
          Params().Text(owner).Int(limit).Int(lease_duration.count())));
  std::vector<InstanceTask> tasks;
  for (int row = 0; row < result.rows(); ++row) {
    tasks.push_back({.id = result.Int(row, 0),
                     .lease_epoch = result.Int(row, 1),
                     .type = EnumFromText<v1::TaskType>(result.Text(row, 2)),
                     .instance_id = result.Int(row, 3),
                     .failures = static_cast<int>(result.Int(row, 4)),
                     .age = std::chrono::milliseconds(result.Int(row, 5)),
                     .overdue = result.Bool(row, 6)});
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

absl::Status InstanceTaskStore::Postpone(Connection& connection, int64_t id,
                                         std::chrono::milliseconds delay, const std::string& error,
                                         bool failed) {
  return connection
      .Execute(
          "UPDATE tasks SET status = 'PENDING', lease_until = NULL, error = $3, updated_at = now(),"
          " run_at = now() + $2::bigint * interval '1 millisecond',"
          " failures = CASE WHEN $4 THEN failures + 1 ELSE 0 END WHERE id = $1",
          Params().Int(id).Int(delay.count()).Text(error).Bool(failed))
      .status();
}

absl::Status InstanceTaskStore::End(Connection& connection, int64_t id, v1::TaskStatus status,
                                    const std::string& error) {
  RETURN_IF_ERROR(connection
                      .Execute("UPDATE tasks SET status = $2, lease_until = NULL, error = $3,"
                               " updated_at = now() WHERE id = $1",
                               Params().Int(id).Text(EnumText(status)).Text(error))
                      .status());
  if (status == v1::TASK_STATUS_COMPLETED) return TaskStore::TellDependents(connection, {id}, {});
  return TaskStore::TellDependents(connection, {}, {id});
}

absl::StatusOr<std::vector<int64_t>> InstanceTaskStore::CancelOthers(Connection& connection,
                                                                     const InstanceTask& task) {
  const Params others = Params().Int(task.instance_id).Int(task.id);
  RETURN_IF_ERROR(connection
                      .Execute("UPDATE tasks SET status = 'CANCELLED', blocked_by = NULL,"
                               " error = 'the instance is terminated', updated_at = now()"
                               " WHERE instance_id = $1 AND id <> $2 AND payload_id IS NULL"
                               " AND status = 'PENDING'",
                               others)
                      .status());
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("UPDATE tasks SET cancel_requested = true, updated_at = now()"
                                      " WHERE instance_id = $1 AND id <> $2 AND payload_id IS NULL"
                                      " AND status = 'RUNNING' RETURNING id",
                                      others));
  return ReadIds(result);
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
