#include "api_server/domain/deployment_manager.h"

#include <map>
#include <optional>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/page.h"
#include "api_server/domain/request_once.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "storage/deployment_store.h"
#include "storage/instance_store.h"
#include "storage/payload_store.h"
#include "storage/rollout_store.h"
#include "storage/task_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
namespace deployment_store = storage::deployment_store;
namespace instance_store = storage::instance_store;
namespace payload_store = storage::payload_store;
namespace rollout_store = storage::rollout_store;
namespace task_store = storage::task_store;

absl::StatusOr<v1::Deployment> Existing(Connection& connection, const Caller& caller, int64_t id) {
  ASSIGN_OR_RETURN(auto deployment, deployment_store::Get(connection, caller.scope, id));
  if (!deployment.has_value()) return DeploymentNotFound(id);
  return *std::move(deployment);
}

absl::StatusOr<std::vector<int64_t>> OpenPayloads(Connection& connection, int64_t deployment_id) {
  return payload_store::IdsOfDeployment(
      connection, deployment_id,
      {v1::PAYLOAD_STATUS_PENDING, v1::PAYLOAD_STATUS_TRANSFERRED, v1::PAYLOAD_STATUS_EXECUTING});
}

absl::Status PauseRollout(Connection& connection, const v1::Deployment& deployment) {
  if (AllTerminal(deployment.counts())) {
    return DeploymentInWrongState(deployment.id(), "has ended: nothing of it can be paused");
  }
  ASSIGN_OR_RETURN(const bool paused, rollout_store::Pause(connection, deployment.id()));
  if (paused) return absl::OkStatus();
  return DeploymentInWrongState(deployment.id(), "is stopped: " + deployment.stop_reason());
}

absl::Status ResumeRollout(Connection& connection, const v1::Deployment& deployment) {
  ASSIGN_OR_RETURN(const bool resumed, rollout_store::Resume(connection, deployment.id()));
  if (resumed) return absl::OkStatus();
  return DeploymentInWrongState(deployment.id(), "is not paused, and waits for no wave");
}

}  // namespace

DeploymentManager::DeploymentManager(storage::Database* database, Signals* signals,
                                     DeployLimits limits, OutputLimit output_limit)
    : database_(*database),
      signals_(*signals),
      limits_(std::move(limits)),
      output_limit_(output_limit) {}

absl::StatusOr<v1::Deployment> DeploymentManager::Get(const Caller& caller, int64_t deployment_id) {
  RETURN_IF_ERROR(CheckId("deployment_id", deployment_id));
  v1::Deployment deployment;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(deployment, Existing(connection, caller, deployment_id));
    return absl::OkStatus();
  })));
  return deployment;
}

absl::StatusOr<v1::ListDeploymentsResponse> DeploymentManager::List(
    const Caller& caller, const v1::ListDeploymentsRequest& request) {
  RETURN_IF_ERROR(CheckLabel("project", request.project(), kMaxLabelBytes, /*required=*/false));
  const std::string list = "deployments/" + request.project();
  ASSIGN_OR_RETURN(const storage::Page page,
                   ParsePage(list, request.page_size(), request.page_token()));
  std::vector<v1::Deployment> deployments;
  RETURN_IF_ERROR(FromStorage(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(deployments,
                     deployment_store::List(connection, caller.scope, request.project(), page));
    return absl::OkStatus();
  })));
  v1::ListDeploymentsResponse response;
  response.set_next_page_token(FinishPage(list, page, &deployments));
  for (v1::Deployment& deployment : deployments) {
    *response.add_deployments() = std::move(deployment);
  }
  return response;
}

absl::StatusOr<v1::Deployment> DeploymentManager::Cancel(const Caller& caller,
                                                         int64_t deployment_id) {
  RETURN_IF_ERROR(CheckId("deployment_id", deployment_id));
  CancelOutcome outcome;
  RETURN_IF_ERROR(FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(Existing(connection, caller, deployment_id).status());
    ASSIGN_OR_RETURN(const auto ids, OpenPayloads(connection, deployment_id));
    if (ids.empty()) {
      return DeploymentInWrongState(deployment_id,
                                    "has ended: no payload of it can be cancelled any more");
    }
    ASSIGN_OR_RETURN(const LockedPayloads locked, LockPayloads(connection, caller, ids));
    ASSIGN_OR_RETURN(outcome, CancelPayloads(connection, locked, output_limit_));
    return NoteChange(connection, caller, {.project = locked.Project(), .ids = {deployment_id}});
  })));
  outcome.Tell(signals_);
  RETURN_IF_ERROR(FromStorage(CancelCheck(caller, deployment_id)));
  return Get(caller, deployment_id);
}

absl::Status DeploymentManager::CancelCheck(const Caller& caller, int64_t deployment_id) {
  std::optional<int64_t> check;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(check, rollout_store::FindCheck(connection, deployment_id));
    return absl::OkStatus();
  }));
  if (!check.has_value()) return absl::OkStatus();
  CancelOutcome outcome;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const auto ids, OpenPayloads(connection, *check));
    ASSIGN_OR_RETURN(const LockedPayloads locked, LockPayloads(connection, caller, ids));
    ASSIGN_OR_RETURN(outcome, CancelPayloads(connection, locked, output_limit_));
    return absl::OkStatus();
  }));
  outcome.Tell(signals_);
  return absl::OkStatus();
}

absl::StatusOr<v1::Deployment> DeploymentManager::Pause(const Caller& caller,
                                                        int64_t deployment_id) {
  RETURN_IF_ERROR(CheckId("deployment_id", deployment_id));
  int64_t payload = 0;
  RETURN_IF_ERROR(FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Deployment deployment, Existing(connection, caller, deployment_id));
    RETURN_IF_ERROR(PauseRollout(connection, deployment));
    ASSIGN_OR_RETURN(const auto about, deployment_store::GetSummary(connection, deployment_id));
    payload = about.first_payload_id;
    return NoteChange(connection, caller, {.project = about.project, .ids = {deployment_id}});
  })));
  signals_.PayloadsChanged({payload});  // For its watches.
  return Get(caller, deployment_id);
}

absl::StatusOr<v1::Deployment> DeploymentManager::Resume(
    const Caller& caller, const v1::ResumeDeploymentRequest& request) {
  const int64_t id = request.deployment_id();
  v1::Deployment response;
  Change change;
  bool replayed = false;
  int64_t payload = 0;
  const auto prepare = [&] { return CheckId("deployment_id", id); };
  const auto body = [&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const v1::Deployment deployment, Existing(connection, caller, id));
    RETURN_IF_ERROR(ResumeRollout(connection, deployment));
    ASSIGN_OR_RETURN(const auto about, deployment_store::GetSummary(connection, id));
    payload = about.first_payload_id;
    change = {.project = about.project, .ids = {id}};
    ASSIGN_OR_RETURN(response, Existing(connection, caller, id));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(AnswerOnce(database_,
                             {&caller, "ResumeDeployment", request.request_id(), &request, &change},
                             prepare, body, &response, &replayed));
  if (replayed) return response;
  signals_.PayloadsChanged({payload});  // For its watches.
  signals_.TasksDue();
  return response;
}

absl::Status DeploymentManager::InsertRetries(Connection& connection, const Caller& caller,
                                              const LockedPayloads& locked,
                                              v1::DeployPayloadResponse* response) const {
  for (const auto& [project, more] : locked.projects) {
    RETURN_IF_ERROR(CheckOpenTasks(connection, limits_.quotas, project, more));
  }
  std::vector<int64_t> instance_ids;
  for (const auto& [id, stored] : locked.payloads) {
    instance_ids.push_back(stored.payload.instance_id());
  }
  ASSIGN_OR_RETURN(const auto targets,
                   instance_store::LockTargets(connection, caller.scope, instance_ids));
  // What ExecutePayload ran is run again, what was only to be delivered is delivered again.
  std::map<v1::TaskType, storage::NewTasks> by_type;
  InstanceErrors errors(locked.payloads.size(), response);
  for (const auto& [id, stored] : locked.payloads) {
    const v1::PayloadStatus status = stored.payload.status();
    if (status != v1::PAYLOAD_STATUS_FAILED && status != v1::PAYLOAD_STATUS_CANCELLED) {
      return absl::AbortedError("somebody else has retried it");  // Look again.
    }
    const int64_t instance_id = stored.payload.instance_id();
    const absl::Status takes = CheckTakesPayloads(instance_id, targets.at(instance_id));
    if (!takes.ok()) {
      errors.Add(instance_id, takes);
      continue;
    }
    storage::NewTasks& tasks = by_type[locked.CurrentTask(id).type];
    tasks.payload_ids.push_back(id);
    tasks.instance_ids.push_back(instance_id);
    tasks.remote_paths.push_back(stored.payload.remote_path());
  }
  response->set_success(errors.first().ok());
  if (by_type.empty()) return errors.first();
  for (auto& [type, tasks] : by_type) {
    tasks.type = type;
    tasks.delivery_timeout = limits_.delivery_timeout;
    tasks.traceparent = caller.traceparent;
    tasks.depends_on.resize(tasks.payload_ids.size());
    ASSIGN_OR_RETURN(tasks.ids, task_store::AllocateIds(
                                    connection, static_cast<int64_t>(tasks.payload_ids.size())));
    RETURN_IF_ERROR(payload_store::Retry(connection, tasks.payload_ids, tasks.ids));
    RETURN_IF_ERROR(task_store::InsertBatch(connection, tasks));
    response->mutable_instance_ids()->Add(tasks.instance_ids.begin(), tasks.instance_ids.end());
    response->mutable_payload_ids()->Add(tasks.payload_ids.begin(), tasks.payload_ids.end());
    response->mutable_task_ids()->Add(tasks.ids.begin(), tasks.ids.end());
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::DeployPayloadResponse> DeploymentManager::Retry(
    const Caller& caller, const v1::RetryDeploymentRequest& request) {
  v1::DeployPayloadResponse response;
  Change change;
  bool replayed = false;
  const auto prepare = [&] { return CheckId("deployment_id", request.deployment_id()); };
  const auto body = [&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(Existing(connection, caller, request.deployment_id()).status());
    ASSIGN_OR_RETURN(
        const auto ids,
        payload_store::IdsOfDeployment(connection, request.deployment_id(),
                                       {v1::PAYLOAD_STATUS_FAILED, v1::PAYLOAD_STATUS_CANCELLED}));
    if (ids.empty()) {
      return DeploymentInWrongState(request.deployment_id(),
                                    "has no payload that is FAILED or CANCELLED");
    }
    ASSIGN_OR_RETURN(const LockedPayloads locked, LockPayloads(connection, caller, ids));
    response.set_deployment_id(request.deployment_id());
    change = {.project = locked.Project(), .ids = {request.deployment_id()}};
    return InsertRetries(connection, caller, locked, &response);
  };
  RETURN_IF_ERROR(AnswerOnce(database_,
                             {&caller, "RetryDeployment", request.request_id(), &request, &change},
                             prepare, body, &response, &replayed));
  if (!replayed) {
    signals_.PayloadsChanged({response.payload_ids().begin(), response.payload_ids().end()});
    signals_.TasksDue();
  }
  return response;
}

}  // namespace longshore::domain
