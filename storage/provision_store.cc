#include "storage/provision_store.h"

#include "common/status_macros.h"
#include "storage/instance_task_store.h"
#include "storage/queries/queries.h"
#include "storage/rows.h"

namespace longshore::storage {
namespace {

// Kept of a task's log in all: its end.
constexpr int64_t kMaxLogCharacters = 256 * 1024;

}  // namespace

namespace provision_store {

absl::StatusOr<std::vector<ProvisionClaim>> Claim(Connection& connection, const Reach& reach,
                                                  const std::string& worker, int limit,
                                                  std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kClaimProvisionTasks,
                         reach.AddTo(Params()
                                         .Text("worker", worker)
                                         .Int("limit", limit)
                                         .Int("lease_milliseconds", lease_duration.count()))));
  std::vector<ProvisionClaim> claims;
  for (const Row row : result) {
    claims.push_back({.worker = worker,
                      .task_id = row.Int("id"),
                      .lease_epoch = row.Int("lease_epoch"),
                      .target = ReadTarget(row),
                      .instance_name = row.String("name"),
                      .tags = row.TextArray("tags"),
                      .cancel_requested = row.Bool("cancel_requested")});
  }
  return claims;
}

absl::Status Complete(Connection& connection, const LockedTask& task) {
  RETURN_IF_ERROR(
      connection.Execute(queries::kMarkInstanceReady, Params().Int("id", task.instance_id))
          .status());
  return instance_task_store::End(connection, task.id, v1::TASK_STATUS_COMPLETED);
}

absl::Status TryAgain(Connection& connection, const LockedTask& task,
                      std::chrono::milliseconds delay, const std::string& error) {
  return instance_task_store::Postpone(connection, task.id, delay, error, /*failed=*/true);
}

absl::StatusOr<std::vector<int64_t>> FindOverdue(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kFindOverdueProvisionTasks,
                                                           Params().Int("limit", limit)));
  return ReadIds(result);
}

absl::StatusOr<bool> InTime(Connection& connection, const LockedTask& task) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kIsProvisionTaskInTime,
                                                           Params().Int("id", task.id)));
  return result.rows() > 0 && result.first().Bool("in_time");
}

absl::Status AppendLog(Connection& connection, int64_t task_id, const std::string& log) {
  return connection
      .Execute(queries::kAppendTaskLog, Params()
                                            .Int("task_id", task_id)
                                            .Text("log", log)
                                            .Int("kept_characters", kMaxLogCharacters))
      .status();
}

absl::StatusOr<std::string> GetLog(Connection& connection, int64_t task_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetTaskLog, Params().Int("task_id", task_id)));
  return result.rows() == 0 ? "" : result.first().String("log");
}

}  // namespace provision_store

}  // namespace longshore::storage
