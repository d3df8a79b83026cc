#include "storage/migrator.h"

#include <glog/logging.h>

#include <algorithm>

#include "common/fail_point.h"
#include "common/status_macros.h"
#include "storage/connection.h"
#include "storage/queries/queries.h"
#include "storage/sessions.h"

namespace longshore::storage {
namespace {

constexpr std::chrono::hours kMigrationLimit{24};
constexpr int kMaxTries = 100;

absl::Status ApplyOnce(Connection& connection, const Migration& migration) {
  // A large table takes its time.
  RETURN_IF_ERROR(connection.ExecuteScript("BEGIN; SET LOCAL statement_timeout = 0"));
  RETURN_IF_ERROR(connection.ExecuteScript(migration.sql));
  RETURN_IF_ERROR(
      connection
          .Execute(queries::kInsertSchemaMigration,
                   Params().Int("version", migration.version).Text("name", migration.name))
          .status());
  LONGSHORE_FAIL_POINT("migrator.committing");
  RETURN_IF_ERROR(connection.ExecuteScript("COMMIT"));
  LONGSHORE_FAIL_POINT("migrator.committed");
  return absl::OkStatus();
}

// The api_servers of the version before go on meanwhile, and take their locks in their own order: a
// migration that is given up for a deadlock, or waited too long for a lock, is begun again.
absl::Status Apply(Connection& connection, const Migration& migration) {
  absl::Status status;
  for (int i = 0; i < kMaxTries; ++i) {
    status = ApplyOnce(connection, migration);
    if (!absl::IsAborted(status)) return status;
    RETURN_IF_ERROR(connection.ExecuteScript("ROLLBACK"));
  }
  return status;
}

// Returns true when the schema is at `version` exactly.
absl::StatusOr<bool> IsAt(Connection& connection, int version) {
  ASSIGN_OR_RETURN(const Result there, connection.Execute(queries::kHasSchemaMigrations));
  if (!there.first().Bool("there")) return false;
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kGetSchemaVersion));
  return result.first().Int("version") == version;
}

}  // namespace

const std::vector<Migration>& EmbeddedMigrations() {
  static const auto* migrations = [] {
    auto* list = new std::vector<Migration>{
#include "storage/migrations/embedded.inc"
    };
    std::sort(list->begin(), list->end(),
              [](const Migration& a, const Migration& b) { return a.version < b.version; });
    return list;
  }();
  return *migrations;
}

absl::Status Migrate(const std::string& url, const std::vector<Migration>& migrations) {
  RETURN_IF_ERROR(CheckSessions(url));
  ASSIGN_OR_RETURN(auto connection, Connection::Open(url, kMigrationLimit));
  const int known = migrations.empty() ? 0 : migrations.back().version;
  // Most starts find everything done. Whoever may not migrate can start as well then.
  ASSIGN_OR_RETURN(const bool current_already, IsAt(*connection, known));
  if (current_already) return absl::OkStatus();
  absl::Status locked;
  do {  // The lock's own timeout is shorter than a long migration elsewhere.
    locked = connection->Execute(queries::kLockMigrations).status();
  } while (absl::IsAborted(locked));
  RETURN_IF_ERROR(locked);
  if (const auto made = connection->Execute(queries::kCreateSchemaMigrations); !made.ok()) {
    if (absl::IsUnavailable(made.status())) return made.status();
    LOG(ERROR) << "migrating: " << made.status();
    return absl::FailedPreconditionError(
        "the database's schema is not at version " + std::to_string(known) +
        ", and this role may not change it: run api_server --migrate_only as its owner "
        "(docs/operations.md)");
  }
  ASSIGN_OR_RETURN(const Result result, connection->Execute(queries::kGetSchemaVersion));
  const int64_t current = result.first().Int("version");
  if (current > known) {
    return absl::FailedPreconditionError(
        "the database's schema is at version " + std::to_string(current) +
        ", this binary knows versions up to " + std::to_string(known) + ": start a newer binary");
  }
  for (const Migration& migration : migrations) {
    if (migration.version > current) RETURN_IF_ERROR(Apply(*connection, migration));
  }
  return absl::OkStatus();
}

absl::Status CheckSchema(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kGetSchemaVersion));
  const int64_t current = result.first().Int("version");
  const int known = EmbeddedMigrations().back().version;
  if (current >= known) return absl::OkStatus();
  return absl::FailedPreconditionError("the database's schema is at version " +
                                       std::to_string(current) + ", not yet at " +
                                       std::to_string(known));
}

}  // namespace longshore::storage
