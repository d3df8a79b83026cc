// Moves rollouts on: lets tasks through their gates, goes from wave to wave, and ends what stopped
// rollouts leave behind.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_ROLLOUT_DRIVER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_ROLLOUT_DRIVER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/task_ender.h"
#include "storage/database.h"
#include "storage/rollout_store.h"

namespace longshore::executor {

// Begins the check of a wave in the caller's transaction. Returns the id of its deployment. An
// error other than of the database says why it can never begin.
using DeployCheck = std::function<absl::StatusOr<int64_t>(
    storage::Connection&, const storage::rollout_store::WaveCheck&)>;

// Thread-safe. Replicas may drive the same rollouts: a database lock lets one at a time open gates.
class RolloutDriver {
 public:
  RolloutDriver(storage::Database* database, domain::Signals* signals, TaskEnder* ender,
                DeployCheck deploy_check);

  // Recalls and ends the unstarted tasks of stopping rollouts, ends and begins waves, and lets
  // through the tasks whose turn has come.
  absl::Status Advance();

 private:
  // Asks the workers to give back tasks of stopping rollouts whose scripts have not been started.
  absl::Status RecallStopped();
  absl::Status EndStopped();
  absl::Status MoveWaves();
  absl::Status BeginChecks();
  // Returns whether there was one to begin.
  absl::StatusOr<bool> BeginCheck();
  absl::Status OpenGates();
  // Wakes the watches of these deployments.
  absl::Status Tell(const std::vector<int64_t>& deployment_ids);

  storage::Database& database_;
  domain::Signals& signals_;
  TaskEnder& ender_;
  const DeployCheck deploy_check_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_ROLLOUT_DRIVER_H_
