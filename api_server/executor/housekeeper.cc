#include "api_server/executor/housekeeper.h"

#include <glog/logging.h>

#include <string>
#include <vector>

#include "api_server/domain/task_ends.h"
#include "api_server/executor/instance_end.h"
#include "api_server/executor/metrics/executor_metrics.h"
#include "common/log_fields.h"
#include "common/status_macros.h"
#include "storage/isolate.h"
#include "storage/lease_store.h"
#include "storage/provision_store.h"
#include "storage/task_store.h"
#include "storage/worker_store.h"

namespace longshore::executor {
namespace {

using storage::Connection;
namespace lease_store = storage::lease_store;
using storage::LockedTask;
namespace provision_store = storage::provision_store;
using storage::TaskEnd;
namespace task_store = storage::task_store;

constexpr int kMaxRowsPerJob = 1000;
constexpr int kMaxCleanupsPerRound = 32;
// ListWorkers promises 30 s; a round may come late.
constexpr std::chrono::milliseconds kSeenPeriod{20000};

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
  if (task.cancel_requested && !started) return domain::CancelledEnd(task);
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

Housekeeper::Housekeeper(storage::Database* database, WorkerRegistry* workers,
                         domain::Signals* signals, Claimer* claimer, TaskEnder* ender,
                         HousekeeperOptions options)
    : database_(*database),
      workers_(*workers),
      signals_(*signals),
      claimer_(*claimer),
      ender_(*ender),
      options_(options) {}

absl::Status Housekeeper::DoJobs() {
  absl::Status first;
  for (const auto job :
       {&Housekeeper::EndLeaseGroups, &Housekeeper::ReapExpiredLeases,
        &Housekeeper::DeleteLeaseGroups, &Housekeeper::WakeStranded, &Housekeeper::EndUndelivered,
        &Housekeeper::EndOverrun, &Housekeeper::FailOverdueProvisions, &Housekeeper::SendCleanups,
        &Housekeeper::MarkWorkersSeen}) {
    absl::Status status = (this->*job)();
    if (!status.ok() && !storage::IsRowFault(status)) return status;
    first.Update(status);
  }
  return first;
}

absl::Status Housekeeper::EndLeaseGroups() { return database_.Run(lease_store::EndGroups); }

absl::Status Housekeeper::DeleteLeaseGroups() { return database_.Run(lease_store::DeleteGroups); }

absl::Status Housekeeper::ReapExpiredLeases() {
  std::vector<int64_t> expired;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(expired, lease_store::FindExpired(connection, kMaxRowsPerJob));
    return absl::OkStatus();
  }));
  int64_t reaped = 0;
  const auto reap = [&](const std::vector<int64_t>& ids) -> absl::Status {
    int64_t count = 0;
    RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(count, lease_store::ReapExpired(connection, ids));
      return absl::OkStatus();
    }));
    reaped += count;
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(const auto refused, storage::ApplyIsolated<int64_t>(expired, reap));
  for (const auto& one : refused) {
    const LogFields about{{"task_id", one.item}};
    LOG(ERROR) << "task " << one.item << ", whose lease ran out, cannot go back: " << one.reason;
  }
  Metrics().expired_leases.Increment(static_cast<double>(reaped));
  if (reaped > 0) LOG(WARNING) << reaped << " leases ran out; their tasks are pending again";
  return absl::OkStatus();
}

absl::Status Housekeeper::WakeStranded() {
  return database_.Transact(
      [](Connection& connection) { return lease_store::WakeStranded(connection); });
}

absl::Status Housekeeper::EndUndelivered() {
  return ender_.EndAll(
      [this](Connection& connection, int limit) {
        return lease_store::FindUndelivered(connection, limit, options_.execution_grace);
      },
      [this](const LockedTask& task) { return UndeliveredEnd(task, options_.delivery_timeout); });
}

absl::Status Housekeeper::EndOverrun() {
  return ender_.EndAll(
      [](Connection& connection, int limit) { return lease_store::FindOverrun(connection, limit); },
      [this](const LockedTask& task) { return OverrunEnd(task, options_.execution_grace); });
}

absl::Status Housekeeper::FailOverdueProvisions() {
  std::vector<int64_t> ended;
  bool failed = false;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ended.clear();
    ASSIGN_OR_RETURN(const auto ids, provision_store::FindOverdue(connection, kMaxRowsPerJob));
    ASSIGN_OR_RETURN(const auto tasks, task_store::Lock(connection, ids));
    failed = !tasks.empty();
    for (const LockedTask& task : tasks) {
      const std::string last = task.error.empty() ? "no worker took it" : task.error;
      RETURN_IF_ERROR(FailInstance(connection, task.id, task.instance_id,
                                   "not provisioned in time; last: " + last,
                                   OutputLimit(options_.max_output_bytes), &ended));
    }
    return absl::OkStatus();
  }));
  if (!ended.empty()) signals_.PayloadsChanged(ended);
  if (failed) signals_.InstancesChanged();
  return absl::OkStatus();
}

absl::Status Housekeeper::MarkWorkersSeen() {
  const std::vector<std::string> names = workers_.Names();
  if (names.empty()) return absl::OkStatus();
  return database_.Run([&](Connection& connection) {
    return storage::worker_store::MarkSeen(connection, names, kSeenPeriod);
  });
}

absl::Status Housekeeper::SendCleanups() {
  for (const storage::Reach& reach : workers_.Reaches()) {
    RETURN_IF_ERROR(SendCleanupsOf(reach));
  }
  return absl::OkStatus();
}

absl::Status Housekeeper::SendCleanupsOf(const storage::Reach& reach) {
  const std::vector<WorkerRegistry::Slot> slots = workers_.TakeCredit(kMaxCleanupsPerRound, reach);
  if (slots.empty()) return absl::OkStatus();
  std::vector<std::string> names;
  names.reserve(slots.size());
  for (const WorkerRegistry::Slot& slot : slots) names.push_back(slot.worker);
  std::vector<storage::HeldLease> unsent;  // Due again by themselves.
  return claimer_.SendAll(
      slots,
      [&](Connection& connection) -> absl::StatusOr<std::vector<AddressedAssignment>> {
        ASSIGN_OR_RETURN(const auto claims, lease_store::ClaimCleanups(connection, reach, names));
        return MakeAssignments(claims);
      },
      &unsent);
}

}  // namespace longshore::executor
