// Writes a batch of workers' events to the database in one transaction. The lease_epoch and the
// holder of the lease fence every write.
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
  // rule ends its task, if the sender holds that task.
  absl::Status Apply(const std::vector<ReportedEvent>& events, ApplyOutcome* outcome);

  // Ends the task of an event that the database refuses; `problem` becomes the reason.
  absl::Status Refuse(const ReportedEvent& event, const std::string& problem,
                      ApplyOutcome* outcome);

 private:
  // Stores the events, or refuses them when `problem` is not empty (see Refuse).
  absl::Status ApplyIn(storage::Connection& connection, const std::vector<ReportedEvent>& events,
                       const std::string& problem, ApplyOutcome* outcome);

  storage::Database& database_;
  const ApplierOptions options_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
