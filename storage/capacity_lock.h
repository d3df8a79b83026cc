// The lock that serialises decisions about places, so that no two transactions count the same free
// place.
#ifndef LONGSHORE_STORAGE_CAPACITY_LOCK_H_
#define LONGSHORE_STORAGE_CAPACITY_LOCK_H_

#include "absl/status/status.h"
#include "storage/connection.h"

namespace longshore::storage {

// Locks the places on instances and in rollouts until the transaction ends. A transaction that
// gives out or frees a place takes this lock first. Errors: Aborted when it does not get the lock
// within lock_timeout.
absl::Status LockCapacity(Connection& connection);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_CAPACITY_LOCK_H_
