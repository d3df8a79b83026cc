#include "storage/instance_task_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/queries/queries.h"
#include "storage/rows.h"
#include "storage/task_store.h"

namespace longshore::storage {

namespace instance_task_store {

absl::StatusOr<int64_t> Insert(Connection& connection, const NewInstanceTask& task) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kInsertInstanceTask,
                                      Params()
                                          .Text("type", EnumText(task.type))
                                          .Int("instance_id", task.instance_id)
                                          .Int("depends_on", task.depends_on)
                                          .Int("time_limit_seconds", task.time_limit.count())));
  return result.first().Int("id");
}

absl::StatusOr<std::optional<int64_t>> FindOpen(Connection& connection, v1::TaskType type,
                                                int64_t instance_id) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kFindOpenInstanceTask,
                         Params().Text("type", EnumText(type)).Int("instance_id", instance_id)));
  if (result.rows() == 0) return std::nullopt;
  return result.first().Int("id");
}

absl::StatusOr<std::vector<InstanceTask>> Claim(Connection& connection, const std::string& owner,
                                                int limit,
                                                std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kClaimInstanceTasks,
                                      Params()
                                          .Text("owner", owner)
                                          .Int("limit", limit)
                                          .Int("lease_milliseconds", lease_duration.count())));
  std::vector<InstanceTask> tasks;
  for (const Row row : result) {
    tasks.push_back({.id = row.Int("id"),
                     .lease_epoch = row.Int("lease_epoch"),
                     .type = EnumFromText<v1::TaskType>(row.Text("type")),
                     .instance_id = row.Int("instance_id"),
                     .failures = static_cast<int>(row.Int("failures")),
                     .age = std::chrono::milliseconds(row.Int("age_milliseconds")),
                     .overdue = row.Bool("overdue")});
  }
  return tasks;
}

absl::StatusOr<bool> LockHeld(Connection& connection, const InstanceTask& task) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kLockHeldInstanceTask,
                         Params().Int("id", task.id).Int("lease_epoch", task.lease_epoch)));
  return result.rows() > 0;
}

absl::Status Postpone(Connection& connection, int64_t id, std::chrono::milliseconds delay,
                      const std::string& error, bool failed) {
  return connection
      .Execute(queries::kPostponeInstanceTask, Params()
                                                   .Int("id", id)
                                                   .Int("delay_milliseconds", delay.count())
                                                   .Text("error", error)
                                                   .Bool("failed", failed))
      .status();
}

absl::Status End(Connection& connection, int64_t id, v1::TaskStatus status,
                 const std::string& error) {
  return connection
      .Execute(queries::kEndInstanceTask,
               Params().Int("id", id).Text("status", EnumText(status)).Text("error", error))
      .status();
}

absl::StatusOr<std::vector<int64_t>> CancelOthers(Connection& connection,
                                                  const InstanceTask& task) {
  const Params spared = Params().Int("instance_id", task.instance_id).Int("id", task.id);
  RETURN_IF_ERROR(connection.Execute(queries::kCancelOtherInstanceTasks, spared).status());
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kRequestCancelOfOtherInstanceTasks, spared));
  return ReadIds(result);
}

absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kFindNextInstanceTask));
  const Row next = result.first();
  if (next.IsNull("due_in_milliseconds")) return std::nullopt;
  return std::chrono::milliseconds(next.Int("due_in_milliseconds"));
}

}  // namespace instance_task_store

}  // namespace longshore::storage
