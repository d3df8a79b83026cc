// Brings the database's schema up to what this binary knows.
#ifndef LONGSHORE_STORAGE_MIGRATOR_H_
#define LONGSHORE_STORAGE_MIGRATOR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace longshore::storage {

struct Migration {
  int version;
  std::string name;
  std::string sql;
};

// The migrations compiled into this binary (migrations/NNNN_name.sql), by ascending version.
const std::vector<Migration>& EmbeddedMigrations();

// Applies what is missing, each in a transaction of its own, under a database-wide lock, so that
// several api_servers may start at once and one killed half way leaves nothing half done. Errors:
// Unavailable (database away), FailedPrecondition (the schema is newer than this binary), Internal
// (a migration fails).
absl::Status Migrate(const std::string& url,
                     const std::vector<Migration>& migrations = EmbeddedMigrations());

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_MIGRATOR_H_
