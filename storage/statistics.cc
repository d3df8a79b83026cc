#include "storage/statistics.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

// Up to this number of rows, plans do well that were made when there were none.
constexpr size_t kFewRows = 100;

}  // namespace

absl::StatusOr<std::vector<std::string>> FindOutgrownTables(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kFindOutgrownTables));
  std::vector<std::string> tables;
  for (const Row row : result) tables.push_back(row.String("name"));
  return tables;
}

absl::Status GatherStatistics(Connection& connection, const std::vector<std::string>& tables) {
  for (const std::string& table : tables) {
    // Nobody waits for somebody else's statistics.
    RETURN_IF_ERROR(connection.ExecuteScript("SET LOCAL lock_timeout = '100ms'; ANALYZE " + table));
  }
  return absl::OkStatus();
}

absl::Status PrepareToWrite(Connection& connection, size_t rows) {
  if (rows <= kFewRows) return absl::OkStatus();
  RETURN_IF_ERROR(connection.Execute(queries::kCountRowsAtOnce).status());
  return connection.ExecuteScript("DISCARD PLANS");
}

}  // namespace longshore::storage
