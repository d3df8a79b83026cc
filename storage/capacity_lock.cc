#include "storage/capacity_lock.h"

#include "storage/queries/queries.h"

namespace longshore::storage {

absl::Status LockCapacity(Connection& connection) {
  return connection.Execute(queries::kLockCapacity).status();
}

}  // namespace longshore::storage
