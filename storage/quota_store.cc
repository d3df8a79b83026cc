#include "storage/quota_store.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

absl::StatusOr<int64_t> Count(Connection& connection, const Query& query,
                              const std::string& project) {
  const Params params = Params().Text("project", project);
  RETURN_IF_ERROR(connection.Execute(queries::kLockQuota, params).status());
  ASSIGN_OR_RETURN(const Result result, connection.Execute(query, params));
  return result.first().Int("count");
}

}  // namespace

namespace quota_store {

absl::StatusOr<int64_t> CountOpenTasks(Connection& connection, const std::string& project) {
  return Count(connection, queries::kCountOpenTasks, project);
}

absl::StatusOr<int64_t> CountInstances(Connection& connection, const std::string& project) {
  return Count(connection, queries::kCountInstances, project);
}

}  // namespace quota_store

}  // namespace longshore::storage
