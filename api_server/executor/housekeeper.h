// The task executor's maintenance: expired leases, missed deadlines, stranded tasks, and run
// directories that were left behind.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_HOUSEKEEPER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_HOUSEKEEPER_H_

#include <chrono>
#include <cstdint>

#include "absl/status/status.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/claimer.h"
#include "api_server/executor/task_ender.h"
#include "api_server/executor/worker_registry.h"
#include "common/policy.h"
#include "storage/database.h"

namespace longshore::executor {

struct HousekeeperOptions {
  // For error messages only; each task has its own deadline.
  std::chrono::seconds delivery_timeout = policy::kDeliveryTimeout;
  // For error messages, and how long past its deadline a worker may hold a delivery.
  std::chrono::seconds execution_grace = policy::kExecutionGrace;
  int64_t max_output_bytes = policy::kMaxOutputBytes;
};

// Not thread-safe: belongs to the dispatcher's thread, like the claimer that it sends cleanups by.
// Every job is safe to repeat, and safe while other replicas do the same.
class Housekeeper {
 public:
  Housekeeper(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
              Claimer* claimer, TaskEnder* ender, HousekeeperOptions options);

  // Does every job once. Each job has its own rows: the fault of one row is returned only after the
  // other jobs are done. Errors: Unavailable at once when the database is away.
  absl::Status DoJobs();

 private:
  // Puts tasks whose lease ran out back to PENDING.
  absl::Status EndLeaseGroups();
  absl::Status ReapExpiredLeases();
  absl::Status DeleteLeaseGroups();
  // Wakes tasks that wait for a place on an instance where nothing runs.
  absl::Status WakeStranded();
  // Ends tasks that were not delivered in time.
  absl::Status EndUndelivered();
  // Ends executions that their instances should have ended.
  absl::Status EndOverrun();
  // Fails instances that were not provisioned in time.
  absl::Status FailOverdueProvisions();
  // Sends workers to remove run directories.
  absl::Status SendCleanups();
  absl::Status SendCleanupsOf(const storage::Reach& reach);
  // Notes who is connected.
  absl::Status MarkWorkersSeen();

  storage::Database& database_;
  WorkerRegistry& workers_;
  domain::Signals& signals_;
  Claimer& claimer_;
  TaskEnder& ender_;
  const HousekeeperOptions options_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_HOUSEKEEPER_H_
