#include "storage/payload_store.h"

#include "common/enum_text.h"
#include "common/random.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "storage/payload_log.h"
#include "storage/queries/queries.h"
#include "storage/rollout_store.h"
#include "storage/statistics.h"

namespace longshore::storage {
namespace {

// Up to here payloads and their tasks are one statement.
constexpr size_t kFew = 100;

Params ArrivedParams(const std::map<int64_t, std::string>& arrived) {
  std::vector<int64_t> ids;
  std::vector<std::string> remote_paths;
  for (const auto& [id, path] : arrived) {
    ids.push_back(id);
    remote_paths.push_back(path);
  }
  return Params().Ints("ids", ids).Texts("remote_paths", remote_paths);
}

StoredPayload ReadPayload(const Row& row) {
  StoredPayload stored;
  v1::Payload& payload = stored.payload;
  payload.set_id(row.Int("id"));
  payload.set_deployment_id(row.Int("deployment_id"));
  payload.set_instance_id(row.Int("instance_id"));
  payload.set_remote_path(row.String("remote_path"));
  payload.set_status(EnumFromText<v1::PayloadStatus>(row.Text("status")));
  ReadTimestamp(row, "execution_time_us", [&] { return payload.mutable_execution_time(); });
  payload.set_executed(row.Bool("executed"));
  if (!row.IsNull("exit_code")) {
    payload.set_exit_code(static_cast<int32_t>(row.Int("exit_code")));
  }
  payload.set_error(row.String("error"));
  payload.set_failure_reason(EnumFromText<v1::FailureReason>(row.Text("failure_reason")));
  payload.set_output_bytes(row.Int("output_bytes"));
  payload.set_output_truncated(row.Bool("output_truncated"));
  payload.set_task_id(row.Int("task_id"));
  payload.set_timeout(static_cast<int32_t>(row.Int("timeout")));
  payload.set_script_sha256(HexEncode(row.Bytes("script_sha256")));
  payload.set_script_bytes(row.Int("script_bytes"));
  payload.set_attempt(static_cast<int32_t>(row.Int("attempt")));
  payload.set_wave(static_cast<int32_t>(row.Int("wave")));
  ReadTimestamp(row, "created_at", [&] { return payload.mutable_created_at(); });
  ReadTimestamp(row, "transferred_at", [&] { return payload.mutable_transferred_at(); });
  ReadTimestamp(row, "started_at", [&] { return payload.mutable_started_at(); });
  ReadTimestamp(row, "finished_at", [&] { return payload.mutable_finished_at(); });
  ReadTimestamp(row, "updated_at", [&] { return payload.mutable_updated_at(); });
  stored.execute_payload = row.Bool("execute_payload");
  return stored;
}

// Which wave each of `count` payloads is of: from 1, or 0 where there are no waves.
std::vector<int64_t> WaveNumbers(const std::vector<int64_t>& waves, size_t count) {
  std::vector<int64_t> numbers(count, 0);
  for (size_t i = 0; i < count && !waves.empty(); ++i) {
    const auto wave = std::upper_bound(waves.begin(), waves.end(), static_cast<int64_t>(i));
    numbers[i] = wave - waves.begin() + 1;
  }
  return numbers;
}

std::vector<std::string> NewRunIds(size_t count) {
  std::vector<std::string> run_ids(count);
  for (std::string& run_id : run_ids) run_id = RandomRunId();
  return run_ids;
}

}  // namespace

namespace payload_store {

absl::Status InsertBatch(Connection& connection, int64_t deployment_id,
                         const NewDeployment& deployment, const NewTasks& tasks) {
  const size_t count = tasks.ids.size();
  const bool together = count <= kFew;
  RETURN_IF_ERROR(PrepareToWrite(connection, count));
  Params params = together ? NewTaskParams(tasks)
                           : Params()
                                 .Ints("payload_ids", tasks.payload_ids)
                                 .Ints("instance_ids", tasks.instance_ids)
                                 .Texts("remote_paths", tasks.remote_paths)
                                 .Ints("task_ids", tasks.ids);
  params.Int("deployment_id", deployment_id)
      .Bool("execute_payload", deployment.execute_payload)
      .Int("timeout", deployment.timeout)
      .Ints("waves", WaveNumbers(deployment.rollout.waves, count))
      .Texts("run_ids", NewRunIds(count));
  ASSIGN_OR_RETURN(
      const Result inserted,
      connection.Execute(together ? queries::kInsertPayloadsAndTasks : queries::kInsertPayloads,
                         params));
  LogAccepted(connection, inserted);
  if (!together) {
    RETURN_IF_ERROR(connection.Execute(queries::kInsertTasks, NewTaskParams(tasks)).status());
  }
  return deployment.rollout.has_gate() ? rollout_store::Begin(connection, tasks.ids)
                                       : absl::OkStatus();
}

absl::StatusOr<std::optional<StoredPayload>> Get(Connection& connection, const Scope& scope,
                                                 int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetPayload, scope.AddTo(Params().Int("id", id))));
  if (result.rows() == 0) return std::nullopt;
  return ReadPayload(result.first());
}

absl::StatusOr<std::vector<StoredPayload>> GetMany(Connection& connection, const Scope& scope,
                                                   const std::vector<int64_t>& ids, bool lock) {
  const Query& query = lock ? queries::kLockPayloads : queries::kGetPayloads;
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(query, scope.AddTo(Params().Ints("ids", ids))));
  std::vector<StoredPayload> payloads;
  for (const Row row : result) payloads.push_back(ReadPayload(row));
  return payloads;
}

absl::StatusOr<std::map<int64_t, int64_t>> UpdateTimes(Connection& connection,
                                                       const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetPayloadUpdateTimes, Params().Ints("ids", ids)));
  std::map<int64_t, int64_t> times;
  for (const Row row : result) times[row.Int("id")] = row.Int("updated_at");
  return times;
}

absl::StatusOr<std::vector<v1::Payload>> List(Connection& connection, const Scope& scope,
                                              const PayloadFilter& filter, Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kListPayloads,
          scope.AddTo(Params()
                          .Int("deployment_id", filter.deployment_id)
                          .Int("instance_id", filter.instance_id)
                          .Text("status", filter.status == 0 ? "" : EnumText(filter.status))
                          .Text("failure_reason",
                                filter.failure_reason == 0 ? "" : EnumText(filter.failure_reason))
                          .Int("before", page.after)
                          .Int("limit", page.limit))));
  std::vector<v1::Payload> payloads;
  payloads.reserve(result.rows());
  for (const Row row : result) payloads.push_back(ReadPayload(row).payload);
  return payloads;
}

absl::Status LearnHomes(Connection& connection, const std::map<int64_t, std::string>& arrived) {
  if (arrived.empty()) return absl::OkStatus();
  return connection.Execute(queries::kLearnHomes, ArrivedParams(arrived)).status();
}

absl::Status MarkTransferred(Connection& connection,
                             const std::map<int64_t, std::string>& arrived) {
  if (arrived.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const Result transferred,
                   connection.Execute(queries::kMarkPayloadsTransferred, ArrivedParams(arrived)));
  LogDelivered(connection, transferred);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<int64_t>> IdsOfDeployment(
    Connection& connection, int64_t deployment_id, const std::vector<v1::PayloadStatus>& statuses) {
  std::vector<std::string> names;
  names.reserve(statuses.size());
  for (v1::PayloadStatus status : statuses) names.push_back(EnumText(status));
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kListPayloadIdsOfDeployment,
                         Params().Int("deployment_id", deployment_id).Texts("statuses", names)));
  return ReadIds(result);
}

absl::StatusOr<std::vector<int64_t>> OpenOfInstance(Connection& connection, int64_t instance_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kListOpenPayloadIdsOfInstance,
                                      Params().Int("instance_id", instance_id)));
  return ReadIds(result);
}

absl::Status Retry(Connection& connection, const std::vector<int64_t>& ids,
                   const std::vector<int64_t>& task_ids) {
  RETURN_IF_ERROR(PrepareToWrite(connection, ids.size()));
  ASSIGN_OR_RETURN(
      const Result again,
      connection.Execute(queries::kRetryPayloads, Params()
                                                      .Ints("ids", ids)
                                                      .Ints("task_ids", task_ids)
                                                      .Texts("run_ids", NewRunIds(ids.size()))));
  LogAccepted(connection, again);
  return absl::OkStatus();
}

absl::Status SetTasks(Connection& connection, const std::vector<int64_t>& ids,
                      const std::vector<int64_t>& task_ids, int timeout) {
  ASSIGN_OR_RETURN(
      const Result asked,
      connection.Execute(queries::kSetPayloadTasks, Params()
                                                        .Ints("ids", ids)
                                                        .Ints("task_ids", task_ids)
                                                        .Int("timeout", timeout)
                                                        .Texts("run_ids", NewRunIds(ids.size()))));
  LogAskedToRun(connection, asked);
  return absl::OkStatus();
}

}  // namespace payload_store

}  // namespace longshore::storage
