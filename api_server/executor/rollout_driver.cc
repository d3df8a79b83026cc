#include "api_server/executor/rollout_driver.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "api_server/domain/task_ends.h"
#include "common/status_macros.h"
#include "storage/capacity_lock.h"
#include "storage/deployment_store.h"
#include "storage/rollout_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

using storage::Connection;
namespace rollout_store = storage::rollout_store;

RolloutDriver::RolloutDriver(storage::Database* database, domain::Signals* signals,
                             TaskEnder* ender, DeployCheck deploy_check)
    : database_(*database),
      signals_(*signals),
      ender_(*ender),
      deploy_check_(std::move(deploy_check)) {}

absl::Status RolloutDriver::Advance() {
  RETURN_IF_ERROR(RecallStopped());
  RETURN_IF_ERROR(MoveWaves());
  RETURN_IF_ERROR(BeginChecks());
  RETURN_IF_ERROR(EndStopped());
  return OpenGates();
}

absl::Status RolloutDriver::RecallStopped() {
  std::vector<int64_t> recalled;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(recalled, rollout_store::Recall(connection));
    return absl::OkStatus();
  }));
  if (!recalled.empty()) signals_.RecallRequested(recalled);
  return absl::OkStatus();
}

absl::Status RolloutDriver::EndStopped() {
  return ender_.EndAll([](Connection& connection,
                          int limit) { return rollout_store::FindStopped(connection, limit); },
                       [](storage::LockedTask task) {
                         task.recall_requested = true;
                         return domain::CancelledEnd(task);
                       });
}

absl::Status RolloutDriver::MoveWaves() {
  std::vector<int64_t> moved;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(storage::LockCapacity(connection));
    ASSIGN_OR_RETURN(moved, rollout_store::MoveWaves(connection));
    return absl::OkStatus();
  }));
  return Tell(moved);
}

absl::Status RolloutDriver::BeginChecks() {
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(more, BeginCheck());
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> RolloutDriver::BeginCheck() {
  std::vector<int64_t> changed;
  int64_t refused = 0;  // The deployment whose check cannot begin, and why.
  std::string refusal;
  const auto begin = [&](Connection& connection) -> absl::Status {
    changed.clear();
    ASSIGN_OR_RETURN(const auto check, rollout_store::LockWaveToCheck(connection));
    if (!check.has_value()) return absl::OkStatus();
    const int64_t id = check->deployment_id;
    changed.push_back(id);
    const std::string lacks = check->instance_ids.empty() ? "the wave succeeded nowhere"
                              : refused == id             ? refusal
                                                          : "";
    if (!lacks.empty()) {
      return rollout_store::Stop(
          connection, id,
          "the check of wave " + std::to_string(check->wave) + " cannot begin: " + lacks);
    }
    refused = id;
    ASSIGN_OR_RETURN(const int64_t check_id, deploy_check_(connection, *check));
    refused = 0;
    return rollout_store::SetCheck(connection, id, check_id);
  };
  absl::Status status = database_.Transact(begin);
  if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
      absl::IsResourceExhausted(status) || absl::IsNotFound(status)) {
    // Whatever else the transaction did is undone: this one stops the rollout, unless somebody else
    // has meanwhile.
    refusal = std::string(status.message());
    status = database_.Transact(begin);
  }
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(Tell(changed));
  if (!changed.empty()) signals_.TasksDue();
  return !changed.empty();
}

absl::Status RolloutDriver::Tell(const std::vector<int64_t>& deployment_ids) {
  if (deployment_ids.empty()) return absl::OkStatus();
  std::vector<int64_t> payloads;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    for (int64_t id : deployment_ids) {
      ASSIGN_OR_RETURN(const auto about, storage::deployment_store::GetSummary(connection, id));
      payloads.push_back(about.first_payload_id);
    }
    return absl::OkStatus();
  }));
  signals_.PayloadsChanged(payloads);
  return absl::OkStatus();
}

absl::Status RolloutDriver::OpenGates() {
  return database_.Transact([](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(storage::LockCapacity(connection));
    RETURN_IF_ERROR(rollout_store::OpenGates(connection));
    return rollout_store::Settle(connection);
  });
}

}  // namespace longshore::executor
