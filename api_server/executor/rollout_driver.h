// Moves rollouts on: lets tasks through their gates and ends what stopped rollouts leave behind.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_ROLLOUT_DRIVER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_ROLLOUT_DRIVER_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/task_ender.h"
#include "storage/database.h"

namespace longshore::executor {

// Thread-safe. Replicas may drive the same rollouts: a database lock lets one at a time open gates.
class RolloutDriver {
 public:
  RolloutDriver(storage::Database* database, domain::Signals* signals, TaskEnder* ender);

  // Recalls and ends the unstarted tasks of stopping rollouts, and lets through the tasks whose
  // turn has come.
  absl::Status Advance();

 private:
  // Asks the workers to give back tasks of stopping rollouts whose scripts have not been started.
  absl::Status RecallStopped();
  absl::Status EndStopped();
  absl::Status OpenGates();

  storage::Database& database_;
  domain::Signals& signals_;
  TaskEnder& ender_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_ROLLOUT_DRIVER_H_
