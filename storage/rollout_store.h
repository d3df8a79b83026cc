// How deployments go through their fleets: the gate in front of max_concurrency, the stop at
// max_errors.
#ifndef LONGSHORE_STORAGE_ROLLOUT_STORE_H_
#define LONGSHORE_STORAGE_ROLLOUT_STORE_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// The gate: every task of a deployment with max_concurrency is inserted behind it (tasks.gated).
// OpenGates alone lets tasks through, under LockCapacity, as many as leave no more than
// max_concurrency neither ended nor behind it. A task that has to be tried again later goes back
// behind it.
namespace rollout_store {

// Something is to be done by the functions below.
absl::StatusOr<bool> AnyActive(Connection& connection);
// Lets the tasks through whose turn it is.
absl::Status OpenGates(Connection& connection);

// The payloads have just been FAILED: stops the rollouts that have their max_errors by now. Held
// under LockCapacity, so that no claim misses it.
absl::Status StopAfterFailures(Connection& connection, const std::vector<int64_t>& payload_ids);
// Locks up to `limit` pending tasks of stopping rollouts whose scripts have not been started.
absl::StatusOr<std::vector<int64_t>> FindStopped(Connection& connection, int limit);
// Asks the holders of such tasks, where they have not been asked, to stop unless the script has
// been started; returns the tasks.
absl::StatusOr<std::vector<int64_t>> Recall(Connection& connection);
// Rollouts with nothing left to stop, or nothing left behind the gate, need no more attention.
// Under LockCapacity.
absl::Status Settle(Connection& connection);

// New tasks were inserted: their deployments' rollouts begin, or go on after a stop.
absl::Status Begin(Connection& connection, const std::vector<int64_t>& task_ids);

}  // namespace rollout_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_ROLLOUT_STORE_H_
