#include "api_server/domain/quota.h"

#include <chrono>

#include "api_server/domain/errors.h"
#include "common/status_macros.h"
#include "storage/quota_store.h"

namespace longshore::domain {
namespace {

// Tasks end by themselves, instances when somebody terminates them.
constexpr std::chrono::seconds kTasksEndIn{5};
constexpr std::chrono::seconds kInstancesEndIn{60};

}  // namespace

absl::Status CheckOpenTasks(storage::Connection& connection, const Quotas& quotas,
                            const std::string& project, int64_t more) {
  if (quotas.open_tasks == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t there, storage::quota_store::CountOpenTasks(connection, project));
  if (there + more <= quotas.open_tasks) return absl::OkStatus();
  return QuotaExceeded("project '" + project + "' has " + std::to_string(there) +
                           " open tasks and may have " + std::to_string(quotas.open_tasks) +
                           "; this would add " + std::to_string(more),
                       kTasksEndIn);
}

absl::Status CheckInstances(storage::Connection& connection, const Quotas& quotas,
                            const std::string& project, int64_t more) {
  if (quotas.instances == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int64_t there, storage::quota_store::CountInstances(connection, project));
  if (there + more <= quotas.instances) return absl::OkStatus();
  return QuotaExceeded("project '" + project + "' has " + std::to_string(there) +
                           " instances and may have " + std::to_string(quotas.instances) +
                           "; this would add " + std::to_string(more),
                       kInstancesEndIn);
}

}  // namespace longshore::domain
