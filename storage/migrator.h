// Updates the database's schema to the version that this binary needs.
#ifndef LONGSHORE_STORAGE_MIGRATOR_H_
#define LONGSHORE_STORAGE_MIGRATOR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace longshore::storage {

// One step of the schema.
struct Migration {
  int version;
  std::string name;
  std::string sql;
};

// Returns the migrations that are compiled into this binary (migrations/NNNN_name.sql), by
// ascending version.
const std::vector<Migration>& EmbeddedMigrations();

// Applies the missing migrations, each in a transaction of its own. It holds a database-wide lock,
// so several api_servers may start at once, and one that is killed half way leaves nothing half
// done. Errors: Unavailable (the database is away), FailedPrecondition (the schema is newer than
// this binary, or is not up to date and this role may not change it), Internal (a migration fails).
absl::Status Migrate(const std::string& url,
                     const std::vector<Migration>& migrations = EmbeddedMigrations());

class Connection;

// Checks that the schema is at this binary's version, or beyond: a newer api_server may have
// migrated it meanwhile. Errors: FailedPrecondition (it is not), Unavailable.
absl::Status CheckSchema(Connection& connection);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_MIGRATOR_H_
