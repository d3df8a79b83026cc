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

absl::StatusOr<std::vector<int64_t>> MoveWaves(Connection& connection) {
  std::vector<int64_t> moved;
  for (const Query& query :
       {queries::kStopRolloutsAfterChecks, queries::kBeginWaves, queries::kEndWaves}) {
    ASSIGN_OR_RETURN(const Result result, connection.Execute(query));
    for (int64_t id : ReadIds(result)) moved.push_back(id);
  }
  return moved;
}

absl::StatusOr<std::optional<WaveCheck>> LockWaveToCheck(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kLockWaveToCheck));
  if (result.rows() == 0) return std::nullopt;
  const Row row = result.first();
  return WaveCheck{.deployment_id = row.Int("id"),
                   .wave = static_cast<int>(row.Int("wave")),
                   .timeout = static_cast<int>(row.Int("timeout")),
                   .remote_path = row.String("remote_path"),
                   .traceparent = row.String("traceparent"),
                   .script = row.Bytes("check_script"),
                   .instance_ids = row.IntArray("instance_ids")};
}

absl::StatusOr<std::optional<int64_t>> FindCheck(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindCheck, Params().Int("id", id)));
  if (result.rows() == 0) return std::nullopt;
  return result.first().Int("check_deployment_id");
}

absl::Status SetCheck(Connection& connection, int64_t id, int64_t check_deployment_id) {
  return connection
      .Execute(queries::kSetCheckDeployment,
               Params().Int("id", id).Int("check_deployment_id", check_deployment_id))
      .status();
}

absl::Status Stop(Connection& connection, int64_t id, const std::string& reason) {
  return connection
      .Execute(queries::kStopRollout, Params().Int("id", id).Text("stop_reason", reason))
      .status();
}

absl::StatusOr<bool> Pause(Connection& connection, int64_t id) {
  RETURN_IF_ERROR(connection.Execute(queries::kLockUngatedTasks, Params().Int("id", id)).status());
  RETURN_IF_ERROR(LockCapacity(connection));  // No claim takes anything meanwhile.
  ASSIGN_OR_RETURN(const Result paused,
                   connection.Execute(queries::kPauseRollout, Params().Int("id", id)));
  if (paused.affected() == 0) return false;
  RETURN_IF_ERROR(connection.Execute(queries::kGateTasks, Params().Int("id", id)).status());
  return true;
}

absl::StatusOr<bool> Resume(Connection& connection, int64_t id) {
  RETURN_IF_ERROR(LockCapacity(connection));
  ASSIGN_OR_RETURN(const Result resumed,
                   connection.Execute(queries::kResumeRollout, Params().Int("id", id)));
  return resumed.affected() > 0;
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
