#include "api_server/domain/payload_manager.h"

#include <optional>
#include <set>

#include "api_server/domain/errors.h"
#include "api_server/domain/fields.h"
#include "api_server/domain/payload_lock.h"
#include "api_server/domain/request_once.h"
#include "common/enum_text.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "storage/deployment_store.h"

namespace longshore::domain {
namespace {

using storage::Connection;
using storage::LockedTask;
namespace payload_store = storage::payload_store;
using storage::StoredPayload;
namespace task_store = storage::task_store;

absl::Status CheckWhatToExecute(const v1::ExecutePayloadRequest& request) {
  if (request.deployment_id() != 0) {
    if (request.payload_ids().empty()) return CheckId("deployment_id", request.deployment_id());
    return InvalidField("deployment_id", std::to_string(request.deployment_id()),
                        "and payload_ids are both given; give one of them");
  }
  RETURN_IF_ERROR(CheckIds("payload_ids", request.payload_ids()));
  std::set<int64_t> seen;
  for (int64_t id : request.payload_ids()) {
    if (!seen.insert(id).second) {
      return InvalidField("payload_ids", std::to_string(id), "is listed more than once");
    }
  }
  return absl::OkStatus();
}

// OK when the payload was delivered, or is being delivered, and nobody has asked to run it yet.
absl::Status CheckExecutable(const StoredPayload& stored, const LockedTask& task) {
  const v1::Payload& payload = stored.payload;
  if (payload.status() != v1::PAYLOAD_STATUS_PENDING &&
      payload.status() != v1::PAYLOAD_STATUS_TRANSFERRED) {
    return PayloadInWrongState(payload.id(), "is " + EnumText(payload.status()) +
                                                 "; only a PENDING or TRANSFERRED one can be run");
  }
  if (stored.execute_payload || task.type == v1::TASK_TYPE_PAYLOAD_EXECUTE) {
    return PayloadInWrongState(payload.id(),
                               "was already asked to run (task " + std::to_string(task.id) + ")");
  }
  return absl::OkStatus();
}

}  // namespace

PayloadManager::PayloadManager(storage::Database* database, PayloadReader* reader, Signals* signals,
                               DeployLimits limits, OutputLimit output_limit)
    : database_(*database),
      reader_(*reader),
      signals_(*signals),
      limits_(std::move(limits)),
      output_limit_(output_limit) {}

absl::StatusOr<std::vector<int64_t>> PayloadManager::ExecutableOf(Connection& connection,
                                                                  const Caller& caller,
                                                                  int64_t deployment_id) {
  ASSIGN_OR_RETURN(const auto deployment,
                   storage::deployment_store::Get(connection, caller.scope, deployment_id));
  if (!deployment.has_value()) return DeploymentNotFound(deployment_id);
  ASSIGN_OR_RETURN(
      std::vector<int64_t> ids,
      payload_store::IdsOfDeployment(connection, deployment_id,
                                     {v1::PAYLOAD_STATUS_PENDING, v1::PAYLOAD_STATUS_TRANSFERRED}));
  ASSIGN_OR_RETURN(const LockedPayloads locked, LockPayloads(connection, caller, ids));
  std::erase_if(ids, [&](int64_t id) {
    return !CheckExecutable(locked.payloads.at(id), locked.CurrentTask(id)).ok();
  });
  if (!ids.empty()) return ids;
  return DeploymentInWrongState(
      deployment_id,
      "has no payload that can be run: a PENDING or TRANSFERRED one that nobody has "
      "asked to run yet");
}

absl::Status PayloadManager::InsertExecuteTasks(Connection& connection, const Caller& caller,
                                                const v1::ExecutePayloadRequest& request,
                                                v1::ExecutePayloadResponse* response,
                                                Change* change) {
  std::vector<int64_t> ids(request.payload_ids().begin(), request.payload_ids().end());
  if (request.deployment_id() != 0) {
    ASSIGN_OR_RETURN(ids, ExecutableOf(connection, caller, request.deployment_id()));
  }
  ASSIGN_OR_RETURN(const LockedPayloads locked, LockPayloads(connection, caller, ids));
  storage::NewTasks tasks{.type = v1::TASK_TYPE_PAYLOAD_EXECUTE,
                          .delivery_timeout = limits_.delivery_timeout,
                          .payload_ids = ids,
                          .traceparent = caller.traceparent};
  for (int64_t id : ids) {
    const StoredPayload& stored = locked.payloads.at(id);
    const LockedTask& transfer = locked.CurrentTask(id);
    RETURN_IF_ERROR(CheckExecutable(stored, transfer));
    const bool transferring =
        transfer.status == v1::TASK_STATUS_PENDING || transfer.status == v1::TASK_STATUS_RUNNING;
    tasks.depends_on.push_back(transferring ? std::optional<int64_t>(transfer.id) : std::nullopt);
    tasks.instance_ids.push_back(stored.payload.instance_id());
    tasks.remote_paths.push_back(stored.payload.remote_path());
  }
  for (const auto& [project, more] : locked.projects) {
    RETURN_IF_ERROR(CheckOpenTasks(connection, limits_.quotas, project, more));
  }
  // Nobody moves them to another pool, or terminates them, meanwhile.
  RETURN_IF_ERROR(
      storage::instance_store::LockTargets(connection, caller.scope, tasks.instance_ids).status());
  ASSIGN_OR_RETURN(tasks.ids,
                   task_store::AllocateIds(connection, static_cast<int64_t>(ids.size())));
  RETURN_IF_ERROR(task_store::InsertBatch(connection, tasks));
  RETURN_IF_ERROR(payload_store::SetTasks(connection, ids, tasks.ids, request.timeout()));
  response->mutable_task_ids()->Add(tasks.ids.begin(), tasks.ids.end());
  response->mutable_payload_ids()->Add(ids.begin(), ids.end());
  *change = {.project = locked.Project(), .ids = ids};
  return absl::OkStatus();
}

absl::StatusOr<v1::ExecutePayloadResponse> PayloadManager::Execute(
    const Caller& caller, const v1::ExecutePayloadRequest& request) {
  v1::ExecutePayloadResponse response;
  Change change;
  bool replayed = false;
  const auto prepare = [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckWhatToExecute(request));
    return ResolveTimeout(request.timeout(), 0, limits_.max_payload_timeout).status();
  };
  const auto body = [&](Connection& connection) {
    return InsertExecuteTasks(connection, caller, request, &response, &change);
  };
  RETURN_IF_ERROR(AnswerOnce(database_,
                             {&caller, "ExecutePayload", request.request_id(), &request, &change},
                             prepare, body, &response, &replayed));
  if (!replayed) signals_.PayloadTasksDue();
  return response;
}

absl::StatusOr<v1::Payload> PayloadManager::Cancel(const Caller& caller, int64_t payload_id) {
  RETURN_IF_ERROR(CheckId("payload_id", payload_id));
  CancelOutcome outcome;
  RETURN_IF_ERROR(FromStorage(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(const LockedPayloads locked, LockPayloads(connection, caller, {payload_id}));
    const v1::Payload& payload = locked.payloads.at(payload_id).payload;
    if (IsTerminal(payload.status())) {
      return PayloadInWrongState(
          payload_id, "is " + EnumText(payload.status()) + " and cannot be cancelled any more");
    }
    ASSIGN_OR_RETURN(outcome, CancelPayloads(connection, locked, output_limit_));
    return NoteChange(connection, caller, {.project = locked.Project(), .ids = {payload_id}});
  })));
  outcome.Tell(signals_);
  return reader_.Get(caller, payload_id);
}

}  // namespace longshore::domain
