// Counts what a project has, for its quotas.
#ifndef LONGSHORE_STORAGE_QUOTA_STORE_H_
#define LONGSHORE_STORAGE_QUOTA_STORE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// Both lock the project's quota until the transaction ends, so that what they return stays true for
// who adds to it. Call them in a transaction.
namespace quota_store {

// Returns how many tasks have not ended.
absl::StatusOr<int64_t> CountOpenTasks(Connection& connection, const std::string& project);
// Returns how many instances are not TERMINATED.
absl::StatusOr<int64_t> CountInstances(Connection& connection, const std::string& project);

}  // namespace quota_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_QUOTA_STORE_H_
