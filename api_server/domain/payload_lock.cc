#include "api_server/domain/payload_lock.h"

#include "api_server/domain/errors.h"
#include "api_server/domain/task_ends.h"
#include "common/payload_status.h"
#include "common/status_macros.h"

namespace longshore::domain {

using storage::Connection;
using storage::LockedTask;
namespace payload_store = storage::payload_store;
using storage::StoredPayload;
namespace task_store = storage::task_store;

absl::StatusOr<LockedPayloads> LockPayloads(Connection& connection, const Caller& caller,
                                            const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(auto tasks, task_store::LockForPayloads(connection, caller.scope, ids));
  ASSIGN_OR_RETURN(auto payloads,
                   payload_store::GetMany(connection, caller.scope, ids, /*lock=*/true));
  LockedPayloads locked;
  for (LockedTask& task : tasks) locked.tasks[task.payload_id].push_back(std::move(task));
  for (StoredPayload& stored : payloads) {
    const int64_t id = stored.payload.id();
    if (locked.CurrentTask(id).id != stored.payload.task_id()) {
      return absl::AbortedError("the payload changed meanwhile");  // The transaction is repeated.
    }
    ++locked.projects[locked.CurrentTask(id).project];
    locked.payloads[id] = std::move(stored);
  }
  for (int64_t id : ids) {
    if (locked.payloads.count(id) == 0) return PayloadNotFound(id);
  }
  return locked;
}

void CancelOutcome::Tell(Signals& signals) const {
  if (!asked.empty()) signals.CancelRequested(asked);
  if (!ended.empty()) signals.PayloadsChanged(ended);
  signals.TasksDue();
}

absl::StatusOr<CancelOutcome> CancelPayloads(Connection& connection, const LockedPayloads& locked,
                                             const OutputLimit& limit) {
  CancelOutcome outcome;
  std::vector<int64_t> running;
  std::vector<storage::TaskEnd> ends;
  for (const auto& [id, stored] : locked.payloads) {
    if (IsTerminal(stored.payload.status())) continue;
    const LockedTask& current = locked.CurrentTask(id);
    // Held by a worker, or (perhaps) started and between two holders: only a worker can stop it.
    if (current.status == v1::TASK_STATUS_RUNNING || MayHaveStarted(current)) {
      outcome.asked.push_back(current.id);
      running.push_back(current.id);
      continue;
    }
    outcome.ended.push_back(id);
    for (const LockedTask& task : locked.tasks.at(id)) {
      if (task.status == v1::TASK_STATUS_RUNNING) {
        running.push_back(task.id);  // The transfer that this one waits for.
      }
      if (task.status == v1::TASK_STATUS_PENDING || task.id == current.id) {
        ends.push_back(CancelledEnd(task));
      }
    }
  }
  RETURN_IF_ERROR(task_store::RequestCancel(connection, running));
  RETURN_IF_ERROR(task_store::End(connection, ends, limit));
  return outcome;
}

}  // namespace longshore::domain
