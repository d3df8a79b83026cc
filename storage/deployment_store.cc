#include "storage/deployment_store.h"

#include <algorithm>
#include <map>

#include "common/enum_text.h"
#include "common/sha256.h"
#include "common/status_macros.h"

namespace longshore::storage {
namespace {

#define DEPLOYMENT_SELECT                                                            \
  "SELECT id, request, script_sha256, script_bytes, stop_reason, " LONGSHORE_MICROS( \
      "created_at") " FROM deployments "

v1::Deployment ReadDeployment(const Result& result, int row) {
  v1::Deployment deployment;
  deployment.set_id(result.Int(row, 0));
  // Written by this class; a row from before it kept requests has none.
  (void)deployment.mutable_request()->ParseFromString(result.Bytes(row, 1));
  deployment.set_script_sha256(HexEncode(result.Bytes(row, 2)));
  deployment.set_script_bytes(result.Int(row, 3));
  deployment.set_stop_reason(std::string(result.Text(row, 4)));
  ReadTimestamp(result, row, 5, [&] { return deployment.mutable_created_at(); });
  return deployment;
}

absl::Status FillCounts(Connection& connection, std::vector<v1::Deployment>* deployments) {
  std::map<int64_t, v1::PayloadCounts*> counts;
  std::vector<int64_t> ids;
  for (v1::Deployment& deployment : *deployments) {
    ids.push_back(deployment.id());
    counts[deployment.id()] = deployment.mutable_counts();
  }
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT deployment_id, status, count(*) FROM payloads"
                                      " WHERE deployment_id = ANY ($1::bigint[]) GROUP BY 1, 2",
                                      Params().Ints(ids)));
  for (int row = 0; row < result.rows(); ++row) {
    AddToCounts(EnumFromText<v1::PayloadStatus>(result.Text(row, 1)), result.Int(row, 2),
                counts.at(result.Int(row, 0)));
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

absl::StatusOr<int64_t> DeploymentStore::Insert(Connection& connection,
                                                const NewDeployment& deployment) {
  const v1::Rollout& rollout = deployment.request.rollout();
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "INSERT INTO deployments (script_sha256, script_bytes, original_path, remote_path,"
          " execute_payload, timeout, request, projects, max_concurrency, max_errors)"
          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
          Params()
              .Bytes(deployment.script_sha256)
              .Int(deployment.script_bytes)
              .Text(deployment.original_path)
              .Text(deployment.remote_path)
              .Bool(deployment.execute_payload)
              .Int(deployment.timeout)
              .Bytes(deployment.request.SerializeAsString())
              .Texts(deployment.projects)
              .Int(rollout.max_concurrency())
              .Int(rollout.max_errors())));
  return result.Int(0, 0);
}

absl::StatusOr<std::optional<v1::Deployment>> DeploymentStore::Get(Connection& connection,
                                                                   int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(DEPLOYMENT_SELECT "WHERE id = $1", Params().Int(id)));
  if (result.rows() == 0) return std::nullopt;
  std::vector<v1::Deployment> one{ReadDeployment(result, 0)};
  RETURN_IF_ERROR(FillCounts(connection, &one));
  return std::move(one[0]);
}

absl::StatusOr<std::vector<v1::Deployment>> DeploymentStore::List(Connection& connection,
                                                                  const std::string& project,
                                                                  Page page) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(DEPLOYMENT_SELECT "WHERE ($1 = '' OR projects @> ARRAY[$1])"
                                                        " AND ($2::bigint = 0 OR id < $2)"
                                                        " ORDER BY id DESC LIMIT $3",
                                      Params().Text(project).Int(page.after).Int(page.limit)));
  std::vector<v1::Deployment> deployments;
  for (int row = 0; row < result.rows(); ++row) {
    deployments.push_back(ReadDeployment(result, row));
    deployments.back().mutable_request()->clear_instance_ids();
  }
  RETURN_IF_ERROR(FillCounts(connection, &deployments));
  return deployments;
}

absl::StatusOr<std::vector<DeploymentStore::PayloadState>> DeploymentStore::PayloadStates(
    Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT id, status, attempt FROM payloads"
                                      " WHERE deployment_id = $1 ORDER BY id",
                                      Params().Int(id)));
  std::vector<PayloadState> states;
  states.reserve(result.rows());
  for (int row = 0; row < result.rows(); ++row) {
    states.push_back({.id = result.Int(row, 0),
                      .status = EnumFromText<v1::PayloadStatus>(result.Text(row, 1)),
                      .attempt = static_cast<int>(result.Int(row, 2))});
  }
  return states;
}

}  // namespace longshore::storage
