// Rollouts: the gate that enforces max_concurrency, and the stop at max_errors.
#ifndef LONGSHORE_STORAGE_ROLLOUT_STORE_H_
#define LONGSHORE_STORAGE_ROLLOUT_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// Every task of a deployment with max_concurrency or waves, or that is paused, is inserted behind
// the gate (tasks.gated). Only OpenGates lets tasks through, under LockCapacity: those of the wave
// that is under way and of earlier ones, and as many as keep the number of tasks that have passed
// it and not ended within max_concurrency. A task that is to be tried again later goes back behind
// it.
namespace rollout_store {

// Lets the tasks through whose turn it is. Call it under LockCapacity.
absl::Status OpenGates(Connection& connection);

// Ends the waves of which all has ended, begins those whose time has come or whose check has
// succeeded, and stops rollouts whose check has not. Returns the deployments that have changed.
// Call it under LockCapacity, before OpenGates.
absl::StatusOr<std::vector<int64_t>> MoveWaves(Connection& connection);

// A wave that has ended and is to be checked.
struct WaveCheck {
  int64_t deployment_id = 0;
  int wave = 0;
  int timeout = 0;          // Seconds.
  std::string remote_path;  // Of the request; empty: each instance's default.
  std::string traceparent;  // Of the deployment.
  std::string script;
  std::vector<int64_t> instance_ids;  // Where its payload did what it was to do.
};
// Returns one whose check has not begun, and locks its deployment until the transaction ends.
absl::StatusOr<std::optional<WaveCheck>> LockWaveToCheck(Connection& connection);
// Returns the deployment of the check that is under way, if there is one, after anybody who begins
// one. Call it in a transaction that locks nothing else.
absl::StatusOr<std::optional<int64_t>> FindCheck(Connection& connection, int64_t id);
// Says that the check of the wave is this deployment.
absl::Status SetCheck(Connection& connection, int64_t id, int64_t check_deployment_id);
// Stops a rollout that is under way, for this reason.
absl::Status Stop(Connection& connection, int64_t id, const std::string& reason);

// Shuts the gate, with everything behind it that nobody holds. Returns false when the rollout is
// stopped. It takes LockCapacity.
absl::StatusOr<bool> Pause(Connection& connection, int64_t id);
// Opens it again or, when it is not shut, ends what is between two waves. Returns false when
// nothing was held back. It takes LockCapacity.
absl::StatusOr<bool> Resume(Connection& connection, int64_t id);

// Stops the rollouts that have reached max_errors, now that these payloads are FAILED. Call it
// under LockCapacity, so that no claim misses it. Returns whether there were any.
absl::StatusOr<bool> StopAfterFailures(Connection& connection,
                                       const std::vector<int64_t>& payload_ids);
// Locks and returns up to `limit` PENDING tasks of stopping rollouts whose scripts have not been
// started. The caller ends them.
absl::StatusOr<std::vector<int64_t>> FindStopped(Connection& connection, int limit);
// Asks the holders of such tasks to stop them unless the script has been started. Returns the tasks
// that have not been asked before.
absl::StatusOr<std::vector<int64_t>> Recall(Connection& connection);
// Takes rollouts with nothing left to stop, or nothing left behind the gate, out of the active
// ones. Call it under LockCapacity.
absl::Status Settle(Connection& connection);

// Begins the rollouts of tasks that were just inserted, or resumes them after a stop.
absl::Status Begin(Connection& connection, const std::vector<int64_t>& task_ids);

}  // namespace rollout_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_ROLLOUT_STORE_H_
