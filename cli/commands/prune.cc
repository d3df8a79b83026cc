#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "cli/table.h"
#include "common/status_macros.h"
#include "storage/connection.h"
#include "storage/retention_store.h"

namespace longshore::cli {
namespace {

constexpr int64_t kBatch = 500;

struct Options {
  std::string database;
  bool dry_run = false;
  std::chrono::milliseconds payloads = storage::Retention().payloads;
  std::chrono::milliseconds request_ids = storage::Retention().request_ids;
  std::chrono::milliseconds audit = storage::Retention().audit;
};

// Prunes batch by batch, each in a transaction; a dry run is one transaction that is rolled back.
absl::StatusOr<storage::Pruned> PruneAll(storage::Connection& connection,
                                         const storage::Retention& retention, bool dry_run) {
  storage::Pruned all;
  RETURN_IF_ERROR(connection.ExecuteScript("BEGIN"));
  while (true) {
    ASSIGN_OR_RETURN(const storage::Pruned some,
                     storage::retention_store::Prune(connection, retention, kBatch));
    if (some.empty()) break;
    for (const auto& [kind, rows] : some) all[kind] += rows;
    if (!dry_run) RETURN_IF_ERROR(connection.ExecuteScript("COMMIT; BEGIN"));
  }
  RETURN_IF_ERROR(connection.ExecuteScript(dry_run ? "ROLLBACK" : "COMMIT"));
  return all;
}

absl::StatusOr<int> Prune(const Options& options, const Here& here) {
  if (options.database.empty()) {
    return UsageError("give --database URL, or set LONGSHORE_DATABASE_URL");
  }
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time);
  };
  const storage::Retention retention{.payloads = seconds(options.payloads),
                                     .request_ids = seconds(options.request_ids),
                                     .audit = seconds(options.audit)};
  if (retention.audit < storage::kLeastAuditRetention) {
    return UsageError("--retain-audit must be at least 720h: the last 30 days stay");
  }
  ASSIGN_OR_RETURN(const auto connection, storage::Connection::Open(options.database));
  ASSIGN_OR_RETURN(const storage::Pruned pruned, PruneAll(*connection, retention, options.dry_run));
  std::vector<std::vector<std::string>> table{{"KIND", options.dry_run ? "WOULD GO" : "GONE"}};
  std::vector<std::string> rows;
  for (const auto& [kind, count] : pruned) {
    table.push_back({kind, std::to_string(count)});
    rows.push_back(nlohmann::ordered_json{{"kind", kind}, {"rows", count}}.dump());
  }
  here.printer.PrintRows(rows, FormatTable(table));
  return kExitDone;
}

}  // namespace

void AddPrune(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command =
      parent.Add("prune", "Removes from the database what is older than it is to be kept");
  command.TextOrVariable("--database", "URL", "LONGSHORE_DATABASE_URL", &options->database,
                         "the database of the api_servers");
  command.Flag("--dry-run", &options->dry_run, "say what would go, and change nothing");
  command.Duration("--retain-payloads", &options->payloads,
                   "how long payloads that have ended are kept; 2160h, 90 days");
  command.Duration("--retain-request-ids", &options->request_ids,
                   "how long answers to request ids are kept; 168h, 7 days");
  command.Duration("--retain-audit", &options->audit,
                   "how long the audit is kept; 9600h, 400 days");
  command.DoesHere([options](const Here& here) { return Prune(*options, here); });
}

}  // namespace longshore::cli
