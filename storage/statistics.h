// What PostgreSQL knows of how much the tables hold, and plans its work by.
#ifndef LONGSHORE_STORAGE_STATISTICS_H_
#define LONGSHORE_STORAGE_STATISTICS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// Returns the tables of open work that have become many times as large as they were when
// PostgreSQL gathered its statistics of them last, and hold at least a row a page.
absl::StatusOr<std::vector<std::string>> FindOutgrownTables(Connection& connection);

// Has PostgreSQL gather statistics of those tables. Autovacuum does that too, a minute later: in an
// installation that is new, its first thousands of payloads would be searched for by plans for
// empty tables. Call it in a transaction of its own. Errors: Aborted when somebody else, autovacuum
// for example, is at it.
absl::Status GatherStatistics(Connection& connection, const std::vector<std::string>& tables);

// To be called in a transaction before it writes this number of rows. If they are many, it has each
// statement planned anew at its next use on this connection, and the checks of foreign keys too:
// plans of when the tables were small would read all of them for each row. And PostgreSQL counts
// the rows as soon as the transaction has ended, for FindOutgrownTables.
absl::Status PrepareToWrite(Connection& connection, size_t rows);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_STATISTICS_H_
