#include "storage/statistics.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {

absl::StatusOr<std::vector<std::string>> GatherStatistics(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kFindOutgrownTables));
  std::vector<std::string> tables;
  for (const Row row : result) tables.push_back(row.String("name"));
  for (const std::string& table : tables) {
    // Nobody waits for somebody else's statistics.
    RETURN_IF_ERROR(connection.ExecuteScript("SET LOCAL lock_timeout = '100ms'; ANALYZE " + table));
  }
  return tables;
}

}  // namespace longshore::storage
