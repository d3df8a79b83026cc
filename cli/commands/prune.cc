#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "cli/table.h"
#include "common/first_line.h"
#include "common/status_macros.h"
#include "storage/database.h"
#include "storage/retention_store.h"

namespace longshore::cli {
namespace {

using storage::Pruned;
using storage::Retention;
namespace retention_store = storage::retention_store;

constexpr int64_t kBatch = 100;
constexpr int32_t kMostDays = 36500;

int32_t DaysOf(std::chrono::seconds time) {
  return static_cast<int32_t>(std::chrono::duration_cast<std::chrono::hours>(time).count() / 24);
}

struct Options {
  std::string database;
  std::string database_file;
  bool dry_run = false;
  int32_t payloads = DaysOf(Retention().payloads);
  int32_t request_ids = DaysOf(Retention().request_ids);
  int32_t audit = DaysOf(Retention().audit);
};

absl::StatusOr<std::string> UrlOf(const Options& options) {
  if (!options.database_file.empty()) {
    std::string url = FirstLine(options.database_file);
    if (!url.empty()) return url;
    return UsageError("'" + options.database_file + "' cannot be read, or is empty");
  }
  if (!options.database.empty()) return options.database;
  return UsageError(
      "give --database_url_file FILE or --database URL, or set LONGSHORE_DATABASE_URL");
}

absl::StatusOr<Retention> RetentionOf(const Options& options) {
  for (const int32_t days : {options.payloads, options.request_ids, options.audit}) {
    if (days < 0 || days > kMostDays) return UsageError("days are 0, for ever, to 36500");
  }
  const auto days = [](int32_t count) { return std::chrono::hours(24) * count; };
  const Retention retention{.payloads = days(options.payloads),
                            .request_ids = days(options.request_ids),
                            .audit = days(options.audit)};
  if (options.audit == 0 || retention.audit >= storage::kLeastAuditRetention) return retention;
  return UsageError("--retain-audit must be at least 30: the last 30 days stay");
}

// Removes everything of one step, a batch at a time. While an api_server prunes it tries again.
absl::Status PruneStep(storage::Database& database, const Retention& retention,
                       retention_store::Step step, Pruned* all) {
  bool more = true;
  while (more) {
    std::optional<Pruned> some;
    RETURN_IF_ERROR(database.Transact([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(some, retention_store::Prune(connection, retention, step, kBatch));
      if (!some.has_value()) return absl::AbortedError("an api_server prunes at the moment");
      return absl::OkStatus();
    }));
    more = !some->empty();
    for (const auto& [kind, rows] : *some) (*all)[kind] += rows;
  }
  return absl::OkStatus();
}

absl::StatusOr<Pruned> PruneAll(storage::Database& database, const Retention& retention) {
  Pruned all;
  for (const auto step : retention_store::Steps()) {
    const absl::Status status = PruneStep(database, retention, step, &all);
    if (status.ok()) continue;
    for (const auto& [kind, rows] : all) std::cerr << rows << " " << kind << " are gone\n";
    return status;
  }
  return all;
}

absl::StatusOr<int> Prune(const Options& options, const Here& here) {
  ASSIGN_OR_RETURN(const std::string url, UrlOf(options));
  ASSIGN_OR_RETURN(const Retention retention, RetentionOf(options));
  storage::Database database({.url = url, .max_connections = 1});
  Pruned rows;
  if (options.dry_run) {
    RETURN_IF_ERROR(database.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(rows, retention_store::Count(connection, retention));
      return absl::OkStatus();
    }));
  } else {
    ASSIGN_OR_RETURN(rows, PruneAll(database, retention));
  }
  std::vector<std::vector<std::string>> table{{"KIND", options.dry_run ? "WOULD GO" : "GONE"}};
  std::vector<std::string> lines;
  for (const auto& [kind, count] : rows) {
    table.push_back({kind, std::to_string(count)});
    lines.push_back(nlohmann::ordered_json{{"kind", kind}, {"rows", count}}.dump());
  }
  here.printer.PrintRows(lines, FormatTable(table));
  return kExitDone;
}

}  // namespace

void AddPrune(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command =
      parent.Add("prune", "Removes from the database what is older than it is to be kept");
  command.TextOrVariable("--database", "URL", "LONGSHORE_DATABASE_URL", &options->database,
                         "the database of the api_servers");
  command.Text("--database_url_file", kFileType, &options->database_file,
               "file whose first line is that URL");
  command.Flag("--dry-run", &options->dry_run, "say what would go, and change nothing");
  command.Number("--retain-payloads", "DAYS", &options->payloads,
                 "that payloads are kept after their end; 90, 0 is for ever");
  command.Number("--retain-request-ids", "DAYS", &options->request_ids,
                 "that answers to request ids are kept; 7, 0 is for ever");
  command.Number("--retain-audit", "DAYS", &options->audit,
                 "that the audit is kept; 400, 0 is for ever");
  command.DoesHere([options](const Here& here) { return Prune(*options, here); });
}

}  // namespace longshore::cli
