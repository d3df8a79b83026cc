// How much a project may have at a time.
#ifndef LONGSHORE_API_SERVER_DOMAIN_QUOTA_H_
#define LONGSHORE_API_SERVER_DOMAIN_QUOTA_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "storage/connection.h"

namespace longshore::domain {

// 0: there is no limit.
struct Quotas {
  int64_t open_tasks = 0;  // Tasks that have not ended.
  int64_t instances = 0;   // Instances that are not TERMINATED.
};

// Both are called in the transaction that adds `more`, before it does. Errors: QUOTA_EXCEEDED.
absl::Status CheckOpenTasks(storage::Connection& connection, const Quotas& quotas,
                            const std::string& project, int64_t more);
absl::Status CheckInstances(storage::Connection& connection, const Quotas& quotas,
                            const std::string& project, int64_t more);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_QUOTA_H_
