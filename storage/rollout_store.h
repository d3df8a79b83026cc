// Rollouts: the gate that enforces max_concurrency, and the stop at max_errors.
#ifndef LONGSHORE_STORAGE_ROLLOUT_STORE_H_
#define LONGSHORE_STORAGE_ROLLOUT_STORE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// Every task of a deployment with max_concurrency is inserted behind the gate (tasks.gated). Only
// OpenGates lets tasks through, under LockCapacity: as many as keep the number of tasks that have
// passed it and not ended within max_concurrency. A task that is to be tried again later goes back
// behind it.
namespace rollout_store {

// Lets the tasks through whose turn it is. Call it under LockCapacity.
absl::Status OpenGates(Connection& connection);

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
