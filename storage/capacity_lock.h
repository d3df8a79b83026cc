// The lock that makes decisions about places on instances one after the other.
#ifndef LONGSHORE_STORAGE_CAPACITY_LOCK_H_
#define LONGSHORE_STORAGE_CAPACITY_LOCK_H_

#include "absl/status/status.h"
#include "storage/connection.h"

namespace longshore::storage {

// Whoever decides about places on instances or in rollouts, or frees one, takes this lock first and
// holds it to the end of the transaction. Aborted when it does not come within lock_timeout.
absl::Status LockCapacity(Connection& connection);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_CAPACITY_LOCK_H_
