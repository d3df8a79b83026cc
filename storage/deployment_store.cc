#include "storage/deployment_store.h"

#include <algorithm>
#include <map>

#include "common/enum_text.h"
#include "common/payload_status.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

v1::RolloutState ReadRolloutState(const Row& row) {
  const std::string_view state = row.Text("rollout_state");
  if (state == "STOPPING" || state == "STOPPED") return v1::ROLLOUT_STATE_STOPPED;
  if (row.Bool("paused")) return v1::ROLLOUT_STATE_PAUSED;
  if (state != "OPEN") return v1::ROLLOUT_STATE_DONE;
  const std::string_view between = row.Text("wave_state");
  if (between == "WAITING") return v1::ROLLOUT_STATE_WAITING;
  if (between == "CHECKING") return v1::ROLLOUT_STATE_CHECKING;
  return between == "HELD" ? v1::ROLLOUT_STATE_PAUSED : v1::ROLLOUT_STATE_ROLLING;
}

v1::Deployment ReadDeployment(const Row& row) {
  v1::Deployment deployment;
  deployment.set_id(row.Int("id"));
  // Written by this class; a row from before it kept requests has none.
  (void)deployment.mutable_request()->ParseFromString(row.Bytes("request"));
  deployment.set_script_sha256(HexEncode(row.Bytes("script_sha256")));
  deployment.set_script_bytes(row.Int("script_bytes"));
  deployment.set_stop_reason(row.String("stop_reason"));
  deployment.set_rollout_state(ReadRolloutState(row));
  deployment.set_wave(static_cast<int32_t>(row.Int("wave")));
  deployment.set_wave_count(static_cast<int32_t>(row.Int("wave_count")));
  ReadTimestamp(row, "next_wave_at", [&] { return deployment.mutable_next_wave_at(); });
  deployment.set_traceparent(row.String("traceparent"));
  deployment.set_check_deployment_id(row.Int("check_deployment_id"));
  ReadTimestamp(row, "created_at", [&] { return deployment.mutable_created_at(); });
  return deployment;
}

absl::Status FillCounts(Connection& connection, std::vector<v1::Deployment>* deployments) {
  std::map<int64_t, v1::PayloadCounts*> counts;
  std::vector<int64_t> ids;
  for (v1::Deployment& deployment : *deployments) {
    ids.push_back(deployment.id());
    counts[deployment.id()] = deployment.mutable_counts();
  }
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kCountPayloads,
                                                           Params().Ints("deployment_ids", ids)));
  for (const Row row : result) {
    AddToCounts(EnumFromText<v1::PayloadStatus>(row.Text("status")), row.Int("payloads"),
                counts.at(row.Int("deployment_id")));
  }
  for (v1::Deployment& deployment : *deployments) {
    // Somebody has paused it, and then it was cancelled.
    if (AllTerminal(deployment.counts()) &&
        deployment.rollout_state() == v1::ROLLOUT_STATE_PAUSED) {
      deployment.set_rollout_state(v1::ROLLOUT_STATE_DONE);
    }
  }
  return absl::OkStatus();
}

}  // namespace

void AddToCounts(v1::PayloadStatus status, int64_t count, v1::PayloadCounts* counts) {
  counts->set_total(counts->total() + count);
  switch (status) {
    case v1::PAYLOAD_STATUS_PENDING:
      return counts->set_pending(counts->pending() + count);
    case v1::PAYLOAD_STATUS_TRANSFERRED:
      return counts->set_transferred(counts->transferred() + count);
    case v1::PAYLOAD_STATUS_EXECUTING:
      return counts->set_executing(counts->executing() + count);
    case v1::PAYLOAD_STATUS_COMPLETED:
      return counts->set_completed(counts->completed() + count);
    case v1::PAYLOAD_STATUS_FAILED:
      return counts->set_failed(counts->failed() + count);
    case v1::PAYLOAD_STATUS_CANCELLED:
      return counts->set_cancelled(counts->cancelled() + count);
    default:
      return;
  }
}

namespace deployment_store {

absl::StatusOr<std::optional<DeploymentIds>> Insert(Connection& connection,
                                                    const NewDeployment& deployment,
                                                    int64_t payloads) {
  const RolloutLimits& rollout = deployment.rollout;
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kInsertDeployment,
                                      Params()
                                          .Bytes("script_sha256", deployment.script_sha256)
                                          .Int("script_bytes", deployment.script_bytes)
                                          .Text("original_path", deployment.original_path)
                                          .Text("remote_path", deployment.remote_path)
                                          .Bool("execute_payload", deployment.execute_payload)
                                          .Int("timeout", deployment.timeout)
                                          .Bytes("request", deployment.request.SerializeAsString())
                                          .Texts("projects", {deployment.project})
                                          .Int("max_concurrency", rollout.max_concurrency)
                                          .Int("max_errors", rollout.max_errors)
                                          .Ints("waves", rollout.waves)
                                          .Int("wave_pause_seconds", rollout.pause_seconds)
                                          .Bool("wave_hold", rollout.until_resumed)
                                          .Bytes("check_script_sha256", rollout.check_script_sha256)
                                          .Text("traceparent", deployment.traceparent)
                                          .Int("payloads", payloads)));
  if (result.rows() == 0) return std::nullopt;
  const Row row = result.first();
  return DeploymentIds{.deployment = row.Int("id"),
                       .payloads = row.IntArray("payload_ids"),
                       .tasks = row.IntArray("task_ids")};
}

absl::StatusOr<std::optional<v1::Deployment>> Get(Connection& connection, const Scope& scope,
                                                  int64_t id) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kGetDeployment,
                                                           scope.AddTo(Params().Int("id", id))));
  if (result.rows() == 0) return std::nullopt;
  std::vector<v1::Deployment> one{ReadDeployment(result.first())};
  RETURN_IF_ERROR(FillCounts(connection, &one));
  return std::move(one[0]);
}

absl::StatusOr<std::vector<v1::Deployment>> List(Connection& connection, const Scope& scope,
                                                 const std::string& project, Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kListDeployments, scope.AddTo(Params()
                                                                    .Text("project", project)
                                                                    .Int("before", page.after)
                                                                    .Int("limit", page.limit))));
  std::vector<v1::Deployment> deployments;
  for (const Row row : result) {
    deployments.push_back(ReadDeployment(row));
    deployments.back().mutable_request()->clear_instance_ids();
  }
  RETURN_IF_ERROR(FillCounts(connection, &deployments));
  return deployments;
}

absl::StatusOr<Summary> GetSummary(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetDeploymentSummary, Params().Int("id", id)));
  return Summary{.project = result.first().String("project"),
                 .first_payload_id = result.first().Int("first_payload_id")};
}

absl::StatusOr<std::vector<PayloadState>> PayloadStates(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kListPayloadStates,
                                                           Params().Int("deployment_id", id)));
  std::vector<PayloadState> states;
  states.reserve(result.rows());
  for (const Row row : result) {
    states.push_back({.id = row.Int("id"),
                      .status = EnumFromText<v1::PayloadStatus>(row.Text("status")),
                      .attempt = static_cast<int>(row.Int("attempt"))});
  }
  return states;
}

}  // namespace deployment_store

}  // namespace longshore::storage
