#include "api_server/executor/dispatcher.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <string>

#include "api_server/executor/instance_end.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/isolate.h"
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

constexpr int kMaxProvisionsPerRound = 200;
constexpr int kMaxExpiriesPerRound = 1000;
constexpr int kMaxCleanupsPerRound = 32;
// The net under notifications that were lost; in the normal path something else wakes the loop
// first.
constexpr milliseconds kSafetyPoll{15000};
// Something is due but another replica has it locked, or no worker has room: look again soon, never
// in a tight loop.
constexpr milliseconds kShortestWait{20};
constexpr milliseconds kLookAfterInterval{1000};

TaskEnd UndeliveredEnd(LockedTask task, std::chrono::seconds delivery_timeout) {
  // Whoever holds it has said nothing: the script may have been started.
  task.maybe_started |= task.status == v1::TASK_STATUS_RUNNING && task.executes;
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

TaskEnd OverrunEnd(const LockedTask& task, std::chrono::seconds grace) {
  return {.task_id = task.id,
          .payload_id = task.payload_id,
          .instance_id = task.instance_id,
          .status = v1::PAYLOAD_STATUS_FAILED,
          .failure_reason = v1::FAILURE_REASON_EXECUTION_TIMEOUT,
          .error = "the instance did not end the script: its timeout of " +
                   std::to_string(task.timeout) + " s was over for " +
                   std::to_string(grace.count()) + " s (--execution_grace)",
          .executed = true,
          .run_directory = true};
}

}  // namespace

Dispatcher::Dispatcher(storage::Database* database, WorkerRegistry* workers,
                       domain::Signals* signals, DispatcherOptions options)
    : database_(*database),
      workers_(*workers),
      signals_(*signals),
      options_(options),
      claimer_(database, workers, signals, options.claim),
      loop_("task executor", [this] { return Round(); }) {}

absl::StatusOr<milliseconds> Dispatcher::Round() {
  absl::Status away;
  const auto step = [&away](const char* name, const absl::Status& status) {
    if (status.ok()) return;
    if (!storage::IsRowFault(status)) away = status;
    LOG_IF(ERROR, storage::IsRowFault(status)) << "task executor: " << name << ": " << status;
  };
  step("rollouts", AdvanceRollouts());
  if (away.ok()) step("claims", claimer_.ClaimAll());
  if (away.ok()) step("provisioning", SendProvisions());
  if (away.ok() && steady_clock::now() >= next_look_after_) {
    step("looking after", LookAfter());
    next_look_after_ = steady_clock::now() + kLookAfterInterval;
  }
  RETURN_IF_ERROR(away);
  std::optional<milliseconds> next;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(next, LeaseStore::NextDue(connection));
    return absl::OkStatus();
  }));
  // Credit wakes the loop; what is due without any can wait for it.
  const milliseconds shortest = workers_.HasCredit() ? kShortestWait : kLookAfterInterval;
  return std::clamp(next.value_or(kSafetyPoll), shortest, kSafetyPoll);
}

absl::Status Dispatcher::LookAfter() {
  absl::Status first;
  // Each step has its own rows: the fault of one does not keep the others from theirs.
  for (const auto& step : {&Dispatcher::ReapExpired, &Dispatcher::EndOverdue,
                           &Dispatcher::FailOverdueProvisions, &Dispatcher::SendCleanups}) {
    const absl::Status status = (this->*step)();
    if (!status.ok() && !storage::IsRowFault(status)) return status;
    first.Update(status);
  }
  return first;
}

absl::Status Dispatcher::ReapExpired() {
  std::vector<int64_t> expired;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(expired, LeaseStore::FindExpired(connection, kMaxExpiriesPerRound));
    return absl::OkStatus();
  }));
  int64_t reaped = 0;
  const auto reap = [&](const std::vector<int64_t>& ids) {
    return database_.Transact([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const int64_t count, LeaseStore::ReapExpired(connection, ids));
      reaped += count;
      return absl::OkStatus();
    });
  };
  ASSIGN_OR_RETURN(const auto refused, storage::ApplyIsolated<int64_t>(expired, reap));
  for (const auto& one : refused) {
    LOG(ERROR) << "task " << one.item << ", whose lease ran out, cannot go back: " << one.reason;
  }
  if (reaped > 0) LOG(WARNING) << reaped << " leases ran out; their tasks are pending again";
  return database_.Transact(
      [](Connection& connection) { return LeaseStore::WakeStranded(connection); });
}

absl::Status Dispatcher::EndOverdue() {
  RETURN_IF_ERROR(EndTasks(
      [this](Connection& connection) {
        return LeaseStore::FindUndelivered(connection, kMaxExpiriesPerRound,
                                           options_.execution_grace);
      },
      [this](const LockedTask& task) { return UndeliveredEnd(task, options_.delivery_timeout); }));
  return EndTasks(
      [](Connection& connection) {
        return LeaseStore::FindOverrun(connection, kMaxExpiriesPerRound);
      },
      [this](const LockedTask& task) { return OverrunEnd(task, options_.execution_grace); });
}

absl::Status Dispatcher::EndTasks(const FindTasks& find, const MakeEnd& end) {
  int count = kMaxExpiriesPerRound;
  while (count == kMaxExpiriesPerRound) {
    ASSIGN_OR_RETURN(count, EndSome(find, end));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Dispatcher::EndSome(const FindTasks& find, const MakeEnd& end) {
  std::vector<int64_t> changed;
  std::vector<int64_t> found;
  // Ends those found that are among `only`, or all.
  const auto end_found = [&](const std::vector<int64_t>* only) -> absl::Status {
    std::vector<int64_t> ended;
    RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
      ended.clear();
      ASSIGN_OR_RETURN(found, find(connection));
      std::vector<int64_t> wanted = found;
      std::erase_if(wanted, [only](int64_t id) {
        return only != nullptr && !std::binary_search(only->begin(), only->end(), id);
      });
      ASSIGN_OR_RETURN(const auto tasks, TaskStore::Lock(connection, wanted));
      std::vector<TaskEnd> ends;
      for (const LockedTask& task : tasks) {
        ends.push_back(end(task));
        ended.push_back(task.payload_id);
      }
      return TaskStore::End(connection, ends, OutputLimit(options_.claim.max_output_bytes));
    }));
    changed.insert(changed.end(), ended.begin(), ended.end());
    return absl::OkStatus();
  };
  const absl::Status status = end_found(nullptr);
  if (storage::IsRowFault(status)) {
    const std::vector<int64_t> ids = found;
    ASSIGN_OR_RETURN(const auto refused,
                     storage::ApplyIsolated<int64_t>(
                         ids, [&](const std::vector<int64_t>& part) { return end_found(&part); }));
    for (const auto& one : refused) {
      LOG(ERROR) << "task " << one.item << " cannot be ended: " << one.reason;
    }
  } else if (!status.ok()) {
    return status;
  }
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
  RETURN_IF_ERROR(EndTasks(
      [](Connection& connection) {
        return RolloutStore::FindStopped(connection, kMaxExpiriesPerRound);
      },
      [](LockedTask task) {
        task.recall_requested = true;
        return CancelledEnd(task);
      }));
  return database_.Transact([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(storage::LockCapacity(connection));
    RETURN_IF_ERROR(RolloutStore::OpenGates(connection));
    return RolloutStore::Settle(connection);
  });
}

absl::Status Dispatcher::SendCleanups() {
  const std::vector<WorkerRegistry::Slot> slots = workers_.TakeCredit(kMaxCleanupsPerRound);
  if (slots.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const WorkerRegistry::Slot& slot : slots) names.push_back(slot.worker);
  std::vector<storage::HeldLease> unsent;  // Due again by themselves.
  return claimer_.SendAll(
      slots, [&](Connection& connection) { return LeaseStore::ClaimCleanups(connection, names); },
      &unsent);
}

absl::Status Dispatcher::SendProvisions() {
  const std::vector<WorkerRegistry::Slot> slots = workers_.TakeCreditOfOne(kMaxProvisionsPerRound);
  if (slots.empty()) return absl::OkStatus();
  std::vector<storage::HeldLease> unsent;
  RETURN_IF_ERROR(claimer_.SendAll(
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
                                   OutputLimit(options_.claim.max_output_bytes), &ended));
    }
    return absl::OkStatus();
  }));
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  return absl::OkStatus();
}

}  // namespace longshore::executor
