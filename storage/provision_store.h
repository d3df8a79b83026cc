// PROVISION_INSTANCE tasks. Unlike other tasks of instances they are carried out by workers, which
// take them in batches.
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
#include "storage/reach.h"
#include "storage/task_store.h"

namespace longshore::storage {

namespace provision_store {

// Claims up to `limit` due tasks within `reach` for `worker` and sets their instances to
// PROVISIONING. Call it in a transaction.
absl::StatusOr<std::vector<ProvisionClaim>> Claim(Connection& connection, const Reach& reach,
                                                  const std::string& worker, int limit,
                                                  std::chrono::milliseconds lease_duration);

// Locks and returns up to `limit` tasks that nobody holds and whose time limit is over.
absl::StatusOr<std::vector<int64_t>> FindOverdue(Connection& connection, int limit);

// The caller of the next four holds the task and has begun a transaction.

// Sets the instance to READY and the task to COMPLETED.
absl::Status Complete(Connection& connection, const LockedTask& task);
// Sets the task back to PENDING after a failed try, to be due after `delay`.
absl::Status TryAgain(Connection& connection, const LockedTask& task,
                      std::chrono::milliseconds delay, const std::string& error);
// Returns false when the task's time limit is over.
absl::StatusOr<bool> InTime(Connection& connection, const LockedTask& task);
// Appends the log of a try to the task's log, of which the last 262,144 characters are kept.
absl::Status AppendLog(Connection& connection, int64_t task_id, const std::string& log);

// Returns the task's log, or an empty string when it has none.
absl::StatusOr<std::string> GetLog(Connection& connection, int64_t task_id);

}  // namespace provision_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_PROVISION_STORE_H_
