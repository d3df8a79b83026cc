// Writes a batch of workers' events to the database: one transaction, every write fenced by
// lease_epoch and by who holds the lease.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/backoff.h"
#include "common/policy.h"
#include "longshore/v1/worker_service.pb.h"
#include "storage/database.h"
#include "storage/lease_store.h"
#include "storage/output_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

struct ApplierOptions {
  int64_t max_output_bytes = policy::kMaxOutputBytes;
  std::chrono::seconds delivery_timeout = policy::kDeliveryTimeout;
  // Past its timeout, an execution has this long before the server ends it.
  std::chrono::seconds execution_grace = policy::kExecutionGrace;
  BackoffOptions retry_backoff{};
};

// An event, and the worker whose stream it came on.
struct ReportedEvent {
  const v1::TaskEvent* event = nullptr;
  std::string worker;

  storage::HeldLease lease() const {
    return {.task_id = event->task_id(), .lease_epoch = event->lease_epoch(), .worker = worker};
  }
};

// What a batch changed, for those who are told after its commit.
struct ApplyOutcome {
  std::set<int64_t> changed_payloads;
  bool tasks_freed = false;                             // A task ended or went back to PENDING.
  std::set<storage::HeldLease> lost;                    // Whose events were refused.
  std::map<storage::HeldLease, std::string> host_keys;  // Answers to HostKeySeen.
};

// Thread-safe. Applying a batch twice is the same as applying it once.
class EventApplier {
 public:
  EventApplier(storage::Database* database, ApplierOptions options);

  // `events` keep the order in which each worker sent them. One that breaks a rule ends the task
  // that it is about, when its sender holds that.
  absl::Status Apply(const std::vector<ReportedEvent>& events, ApplyOutcome* outcome);

  // Ends the task of an event that the database refuses, because of `problem`.
  absl::Status Refuse(const ReportedEvent& event, const std::string& problem,
                      ApplyOutcome* outcome);

 private:
  // `problem`: see Refuse; empty when the events are to be taken.
  absl::Status ApplyIn(storage::Connection& connection, const std::vector<ReportedEvent>& events,
                       const std::string& problem, ApplyOutcome* outcome);

  storage::Database& database_;
  const ApplierOptions options_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
