#include "api_server/executor/dispatcher.h"

#include <glog/logging.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "api_server/executor/instance_end.h"
#include "common/fail_point.h"
#include "common/status_macros.h"
#include "storage/provision_store.h"
#include "storage/rollout_store.h"
#include "storage/task_store.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using storage::Connection;
using storage::LeaseStore;
using storage::LockedTask;
using storage::ProvisionStore;
using storage::RolloutStore;
using storage::TaskEnd;
using storage::TaskStore;

constexpr int kMaxClaimsPerRound = 200;
constexpr int kMaxExpiriesPerRound = 1000;
constexpr int kMaxCleanupsPerRound = 32;
// The net under notifications that were lost; in the normal path something else wakes the loop
// first.
constexpr milliseconds kSafetyPoll{15000};
// Something is due but another replica has it locked, or no worker has room: look again soon, never
// in a tight loop.
constexpr milliseconds kShortestWait{20};
constexpr milliseconds kHousekeepingInterval{1000};

TaskEnd UndeliveredEnd(const LockedTask& task, std::chrono::seconds delivery_timeout) {
  const bool started = storage::MayHaveStarted(task);
  const std::string last = task.error.empty() ? "" : "; last error: " + task.error;
  TaskEnd end{.task_id = task.id,
              .payload_id = task.payload_id,
              .instance_id = task.instance_id,
              .status = v1::PAYLOAD_STATUS_FAILED,
              .executed = started,
              .run_directory = started};
  if (task.cancel_requested && !started) return CancelledEnd(task);
  if (started) {
    end.failure_reason = v1::FAILURE_REASON_UNREACHABLE;
    end.error = (task.payload_status == v1::PAYLOAD_STATUS_EXECUTING
                     ? "contact was lost after the script had been started, its result is unknown"
                     : "contact was lost while the script was being started, whether it ran is not"
                       " known") +
                last;
  } else {
    end.failure_reason = v1::FAILURE_REASON_DELIVERY_TIMEOUT;
    end.error = "not started within " + std::to_string(delivery_timeout.count()) +
                " s (--delivery_timeout)" + last;
  }
  return end;
}

v1::ServerMessage AssignmentMessage(const v1::Assignment& assignment) {
  v1::ServerMessage message;
  *message.mutable_assignment() = assignment;
  return message;
}

}  // namespace

Dispatcher::Dispatcher(storage::Database* database, WorkerRegistry* workers,
                       domain::Signals* signals, DispatcherOptions options)
    : database_(*database),
      workers_(*workers),
      signals_(*signals),
      options_(options),
      loop_("task executor", [this] { return Round(); }) {}

absl::StatusOr<milliseconds> Dispatcher::Round() {
  if (steady_clock::now() >= next_housekeeping_) {
    RETURN_IF_ERROR(KeepHouse());
    next_housekeeping_ = steady_clock::now() + kHousekeepingInterval;
  }
  RETURN_IF_ERROR(AdvanceRollouts());
  RETURN_IF_ERROR(SendProvisions());
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(more, ClaimAndSend());
  }
  std::optional<milliseconds> next;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(next, LeaseStore::NextDue(connection));
    return absl::OkStatus();
  }));
  // Credit wakes the loop; what is due without any can wait for it.
  const milliseconds shortest = workers_.HasCredit() ? kShortestWait : kHousekeepingInterval;
  return std::clamp(next.value_or(kSafetyPoll), shortest, kSafetyPoll);
}

absl::Status Dispatcher::KeepHouse() {
  int64_t reaped = 0;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(reaped, LeaseStore::ReapExpired(connection));
    return LeaseStore::WakeStranded(connection);
  }));
  if (reaped > 0) LOG(WARNING) << reaped << " leases ran out; their tasks are pending again";
  int expired = kMaxExpiriesPerRound;
  while (expired == kMaxExpiriesPerRound) {
    ASSIGN_OR_RETURN(expired, ExpireUndelivered());
  }
  RETURN_IF_ERROR(FailOverdueProvisions());
  return SendCleanups();
}

absl::StatusOr<int> Dispatcher::ExpireUndelivered() {
  return EndTasks(
      [](Connection& connection) {
        return LeaseStore::FindUndelivered(connection, kMaxExpiriesPerRound);
      },
      [this](const LockedTask& task) { return UndeliveredEnd(task, options_.delivery_timeout); });
}

absl::StatusOr<int> Dispatcher::EndTasks(
    const std::function<absl::StatusOr<std::vector<int64_t>>(Connection&)>& find,
    const std::function<TaskEnd(const LockedTask&)>& end) {
  std::vector<int64_t> changed;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    changed.clear();
    ASSIGN_OR_RETURN(const auto ids, find(connection));
    if (ids.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto tasks, TaskStore::Lock(connection, ids));
    std::vector<TaskEnd> ends;
    for (const LockedTask& task : tasks) {
      ends.push_back(end(task));
      changed.push_back(task.payload_id);
    }
    return TaskStore::End(connection, ends, storage::OutputLimit(options_.claim.max_output_bytes));
  }));
  if (!changed.empty()) signals_.PayloadsChanged(changed);
  return static_cast<int>(changed.size());
}

absl::Status Dispatcher::AdvanceRollouts() {
  bool active = false;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(active, RolloutStore::AnyActive(connection));
    return absl::OkStatus();
  }));
  if (!active) return absl::OkStatus();
  std::vector<int64_t> recalled;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(recalled, RolloutStore::Recall(connection));
    return absl::OkStatus();
  }));
  if (!recalled.empty()) signals_.RecallRequested(recalled);
  int cancelled = kMaxExpiriesPerRound;
  while (cancelled == kMaxExpiriesPerRound) {
    ASSIGN_OR_RETURN(cancelled, CancelStopped());
  }
  return database_.Transact([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(storage::LockCapacity(connection));
    RETURN_IF_ERROR(RolloutStore::OpenGates(connection));
    return RolloutStore::Settle(connection);
  });
}

absl::StatusOr<int> Dispatcher::CancelStopped() {
  return EndTasks(
      [](Connection& connection) {
        return RolloutStore::FindStopped(connection, kMaxExpiriesPerRound);
      },
      [](LockedTask task) {
        task.recall_requested = true;
        return CancelledEnd(task);
      });
}

void Dispatcher::ReturnCredit(const std::vector<WorkerRegistry::Slot>& slots) {
  for (const WorkerRegistry::Slot& slot : slots) workers_.AddCredit(slot.key, 1);
}

absl::StatusOr<bool> Dispatcher::ClaimAndSend() {
  std::vector<WorkerRegistry::Slot> slots = workers_.TakeCredit(kMaxClaimsPerRound);
  if (slots.empty()) return false;
  std::vector<std::string> names;
  for (const WorkerRegistry::Slot& slot : slots) names.push_back(slot.worker);
  storage::ClaimResult claimed;
  LONGSHORE_FAIL_POINT("executor.claiming");
  const absl::Status status = database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(claimed, LeaseStore::ClaimDue(connection, names, options_.claim));
    return TaskStore::End(connection, claimed.refused,
                          storage::OutputLimit(options_.claim.max_output_bytes));
  });
  if (!status.ok()) {
    ReturnCredit(slots);
    return status;
  }
  if (!claimed.refused.empty()) {
    std::vector<int64_t> changed;
    for (const TaskEnd& end : claimed.refused) changed.push_back(end.payload_id);
    signals_.PayloadsChanged(changed);
  }
  LONGSHORE_FAIL_POINT(claimed.claims.empty() ? "executor.idle" : "executor.claimed");
  std::multimap<std::string, int64_t> keys;
  for (const WorkerRegistry::Slot& slot : slots) keys.emplace(slot.worker, slot.key);
  std::vector<int64_t> unsent;
  for (const storage::Claim& claim : claimed.claims) {
    const auto place = keys.find(claim.worker);
    const int64_t key = place == keys.end() ? 0 : place->second;
    if (place != keys.end()) keys.erase(place);
    if (!workers_.Send(key, AssignmentMessage(claim.assignment))) {
      unsent.push_back(claim.assignment.task_id());
    }
  }
  for (const auto& [name, key] : keys) workers_.AddCredit(key, 1);
  if (!unsent.empty()) {  // The worker left meanwhile. Nobody else can have been given these.
    RETURN_IF_ERROR(database_.Run(
        [&](Connection& connection) { return TaskStore::Release(connection, unsent); }));
  }
  return claimed.examined == static_cast<int>(names.size());
}

absl::Status Dispatcher::SendAll(
    const std::vector<WorkerRegistry::Slot>& slots,
    const std::function<absl::StatusOr<std::vector<v1::Assignment>>(Connection&)>& claim,
    std::vector<int64_t>* unsent) {
  std::vector<v1::Assignment> assignments;
  const absl::Status status = database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(assignments, claim(connection));
    return absl::OkStatus();
  });
  if (!status.ok()) assignments.clear();
  for (size_t i = 0; i < slots.size(); ++i) {
    const bool wanted = i < assignments.size();
    if (wanted && workers_.Send(slots[i].key, AssignmentMessage(assignments[i]))) continue;
    if (wanted) unsent->push_back(assignments[i].task_id());
    workers_.AddCredit(slots[i].key, 1);
  }
  return status;
}

absl::Status Dispatcher::SendCleanups() {
  const std::vector<WorkerRegistry::Slot> slots = workers_.TakeCredit(kMaxCleanupsPerRound);
  if (slots.empty()) return absl::OkStatus();
  std::vector<int64_t> unsent;  // Due again by themselves.
  return SendAll(
      slots,
      [&](Connection& connection) {
        return LeaseStore::ClaimCleanups(connection, static_cast<int>(slots.size()));
      },
      &unsent);
}

absl::Status Dispatcher::SendProvisions() {
  const std::vector<WorkerRegistry::Slot> slots = workers_.TakeCreditOfOne(kMaxClaimsPerRound);
  if (slots.empty()) return absl::OkStatus();
  std::vector<int64_t> unsent;
  RETURN_IF_ERROR(SendAll(
      slots,
      [&](Connection& connection) {
        return ProvisionStore::Claim(connection, slots[0].worker, static_cast<int>(slots.size()),
                                     options_.claim.lease_duration);
      },
      &unsent));
  if (unsent.empty()) return absl::OkStatus();
  return database_.Run(
      [&](Connection& connection) { return TaskStore::Release(connection, unsent); });
}

absl::Status Dispatcher::FailOverdueProvisions() {
  std::vector<int64_t> ended;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ended.clear();
    ASSIGN_OR_RETURN(const auto ids, ProvisionStore::FindOverdue(connection, kMaxExpiriesPerRound));
    ASSIGN_OR_RETURN(const auto tasks, TaskStore::Lock(connection, ids));
    for (const LockedTask& task : tasks) {
      const std::string last = task.error.empty() ? "no worker took it" : task.error;
      RETURN_IF_ERROR(FailInstance(connection, task.id, task.instance_id,
                                   "not provisioned in time; last: " + last,
                                   storage::OutputLimit(options_.claim.max_output_bytes), &ended));
    }
    return absl::OkStatus();
  }));
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  return absl::OkStatus();
}

}  // namespace longshore::executor
