// Writes a batch of workers' events to the database in one transaction, or, where one could not be
// stored with the others as usual, in two. The lease_epoch and the
// holder of the lease fence every write.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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
  // How long past its timeout an execution may go on before the server ends it.
  std::chrono::seconds execution_grace = policy::kExecutionGrace;
  BackoffOptions retry_backoff{};
};

// An event and the worker that sent it.
struct ReportedEvent {
  const v1::TaskEvent* event = nullptr;
  std::string worker;

  storage::HeldLease lease() const {
    return {.task_id = event->task_id(), .lease_epoch = event->lease_epoch(), .worker = worker};
  }
  // Of a Cleaned.
  storage::CleanedRun cleaned_run() const {
    return {.payload_id = event->cleaned().payload_id(),
            .attempt = event->cleaned().attempt(),
            .task_id = event->task_id(),
            .lease_epoch = event->lease_epoch(),
            .worker = worker};
  }
};

// What a batch changed. The sink tells others after the commit.
struct ApplyOutcome {
  std::set<int64_t> changed_payloads;
  bool instances_changed = false;  // One was provisioned, or could not be.
  bool tasks_ended = false;
  bool tasks_freed = false;           // Something may be due now that was not before.
  std::set<storage::HeldLease> lost;  // Leases whose events were refused.
  std::map<storage::HeldLease, std::string> host_keys;  // Answers to HostKeySeen.
};

// Thread-safe. Applying a batch twice is the same as applying it once.
class EventApplier {
 public:
  EventApplier(storage::Database* database, ApplierOptions options);

  // Stores `events`, which keep the order in which each worker sent them. An event that breaks a
  // rule ends its task, if the sender holds that task. After an error some may have been stored all
  // the same: `outcome` says what has changed.
  absl::Status Apply(const std::vector<ReportedEvent>& events, ApplyOutcome* outcome);

  // Ends the task of an event that the database refuses; `problem` becomes the reason.
  absl::Status Refuse(const ReportedEvent& event, const std::string& problem,
                      ApplyOutcome* outcome);

 private:
  // Stores in one round trip what tells only of runs that go well, as far as the senders hold their
  // tasks. Returns whether that was all of it; otherwise all is to be stored another way.
  absl::StatusOr<bool> ApplyReports(const std::vector<ReportedEvent>& events,
                                    ApplyOutcome* outcome);
  // Stores the events, or refuses them when `problem` is not empty (see Refuse).
  absl::Status ApplyIn(storage::Connection& connection, const std::vector<ReportedEvent>& events,
                       const std::string& problem, ApplyOutcome* outcome);

  storage::Database& database_;
  const ApplierOptions options_;
  // As of the last completion. One that comes first after a change is stored another way.
  std::atomic<bool> has_webhooks_ = false;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
