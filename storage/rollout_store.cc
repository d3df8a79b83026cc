#include "storage/rollout_store.h"

#include "common/status_macros.h"
#include "storage/capacity_lock.h"
#include "storage/queries/queries.h"
#include "storage/rows.h"

namespace longshore::storage {

namespace rollout_store {

absl::Status OpenGates(Connection& connection) {
  return connection.Execute(queries::kOpenGates).status();
}

absl::StatusOr<bool> StopAfterFailures(Connection& connection,
                                       const std::vector<int64_t>& payload_ids) {
  if (payload_ids.empty()) return false;
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kStopRolloutsAfterFailures,
                                      Params().Ints("failed_payload_ids", payload_ids)));
  return result.affected() > 0;
}

absl::StatusOr<std::vector<int64_t>> FindStopped(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindStoppedTasks, Params().Int("limit", limit)));
  return ReadIds(result);
}

absl::StatusOr<std::vector<int64_t>> Recall(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kRecallTasks));
  return ReadIds(result);
}

absl::Status Settle(Connection& connection) {
  return connection.Execute(queries::kSettleRollouts).status();
}

absl::Status Begin(Connection& connection, const std::vector<int64_t>& task_ids) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kFindRolloutsOfTasks,
                                                           Params().Ints("task_ids", task_ids)));
  if (result.rows() == 0) return absl::OkStatus();
  RETURN_IF_ERROR(LockCapacity(connection));  // Settle must see the tasks, or come first.
  return connection
      .Execute(queries::kBeginRollouts, Params().Ints("deployment_ids", ReadIds(result)))
      .status();
}

}  // namespace rollout_store

}  // namespace longshore::storage
