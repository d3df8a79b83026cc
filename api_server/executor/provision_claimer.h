// Claims tasks that provision instances and sends them to a worker.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_PROVISION_CLAIMER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_PROVISION_CLAIMER_H_

#include <chrono>

#include "absl/status/status.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/claimer.h"
#include "api_server/executor/worker_registry.h"
#include "storage/database.h"

namespace longshore::executor {

// Not thread-safe: belongs to the dispatcher's thread, like the claimer that it sends by.
class ProvisionClaimer {
 public:
  ProvisionClaimer(storage::Database* database, WorkerRegistry* workers, Claimer* claimer,
                   domain::Signals* signals, std::chrono::milliseconds lease_duration);

  // Claims due tasks, all of them for one worker, because one run of Ansible serves many instances.
  absl::Status Claim();

 private:
  // Claims for the workers that have exactly this reach.
  absl::Status ClaimFor(const storage::Reach& reach);

  storage::Database& database_;
  WorkerRegistry& workers_;
  Claimer& claimer_;
  domain::Signals& signals_;
  const std::chrono::milliseconds lease_duration_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_PROVISION_CLAIMER_H_
