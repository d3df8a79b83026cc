#include "api_server/executor/rollout_driver.h"

#include <cstdint>
#include <vector>

#include "api_server/domain/task_ends.h"
#include "common/status_macros.h"
#include "storage/capacity_lock.h"
#include "storage/rollout_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

using storage::Connection;
namespace rollout_store = storage::rollout_store;

RolloutDriver::RolloutDriver(storage::Database* database, domain::Signals* signals,
                             TaskEnder* ender)
    : database_(*database), signals_(*signals), ender_(*ender) {}

absl::Status RolloutDriver::Advance() {
  RETURN_IF_ERROR(RecallStopped());
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

absl::Status RolloutDriver::OpenGates() {
  return database_.Transact([](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(storage::LockCapacity(connection));
    RETURN_IF_ERROR(rollout_store::OpenGates(connection));
    return rollout_store::Settle(connection);
  });
}

}  // namespace longshore::executor
