// What PostgreSQL knows of how much the tables hold.
#ifndef LONGSHORE_STORAGE_STATISTICS_H_
#define LONGSHORE_STORAGE_STATISTICS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// Has PostgreSQL gather statistics of the tables of open work that have become many times as large
// as they were when it did so last. Autovacuum does that too, a minute later: in an installation
// that is new, its first thousands of payloads would be searched for by plans for empty tables.
// Returns those tables. Call it in a transaction of its own. Errors: Aborted when somebody else,
// autovacuum for example, is at it.
absl::StatusOr<std::vector<std::string>> GatherStatistics(Connection& connection);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_STATISTICS_H_
