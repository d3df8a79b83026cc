// PROVISION_INSTANCE tasks: unlike other tasks of instances they are the workers', who take them
// in batches.
#ifndef LONGSHORE_STORAGE_PROVISION_STORE_H_
#define LONGSHORE_STORAGE_PROVISION_STORE_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/claims.h"
#include "storage/connection.h"
#include "storage/task_store.h"

namespace longshore::storage {

namespace provision_store {

// Claims up to `limit` due ones for `worker`; their instances are PROVISIONING. In a transaction.
absl::StatusOr<std::vector<ProvisionClaim>> Claim(Connection& connection, const std::string& worker,
                                                  int limit,
                                                  std::chrono::milliseconds lease_duration);

// Locks up to `limit` that nobody holds and whose time limit is over.
absl::StatusOr<std::vector<int64_t>> FindOverdue(Connection& connection, int limit);

// The rest under a task that is held, in a transaction.

// The instance is READY, the task COMPLETED.
absl::Status Complete(Connection& connection, const LockedTask& task);
// Back to PENDING after a failed try, with a delay.
absl::Status TryAgain(Connection& connection, const LockedTask& task,
                      std::chrono::milliseconds delay, const std::string& error);
// False when the task's time limit is over.
absl::StatusOr<bool> InTime(Connection& connection, const LockedTask& task);
// Adds the log of a try to the task's.
absl::Status AppendLog(Connection& connection, int64_t task_id, const std::string& log);

// Empty when nothing has been logged.
absl::StatusOr<std::string> GetLog(Connection& connection, int64_t task_id);

}  // namespace provision_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_PROVISION_STORE_H_
