#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "cli/commands/commands.h"
#include "cli/contexts.h"
#include "cli/errors.h"
#include "cli/server_access.h"
#include "cli/session.h"
#include "cli/visible.h"
#include "common/status_macros.h"
#include "storage/connection.h"
#include "verify/database_checks.h"
#include "verify/instance_checks.h"
#include "verify/log_checks.h"
#include "verify/metrics_checks.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string database;
  bool instances = false;
  std::string ssh_key;
  std::vector<std::string> logs;
  std::vector<std::string> secret_files;
  std::vector<std::string> metrics;
  verify::DatabaseOptions checks;
};

std::string JsonOf(const verify::Violation& violation) {
  return nlohmann::ordered_json{{"invariant", violation.invariant},
                                {"check", violation.check},
                                {"subject", violation.subject},
                                {"detail", violation.detail}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void PrintViolations(const std::vector<verify::Violation>& violations, const Printer& printer) {
  std::string text;
  std::vector<std::string> rows;
  rows.reserve(violations.size());
  for (const verify::Violation& violation : violations) {
    rows.push_back(JsonOf(violation));
    text += "VIOLATION of invariant " + std::to_string(violation.invariant) + ", " +
            violation.check + ": " + violation.subject + ": " + violation.detail + "\n";
  }
  printer.PrintRows(rows, text);
}

void Append(std::vector<verify::Violation> more, std::vector<verify::Violation>* all) {
  all->insert(all->end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

absl::StatusOr<std::vector<verify::MetricsSource>> MetricsSources(
    const std::vector<std::string>& urls, const AccessOptions& given) {
  std::vector<verify::MetricsSource> sources;
  if (urls.empty()) return sources;
  ASSIGN_OR_RETURN(const AccessOptions options, WithContext(given, AccessVariables()));
  ASSIGN_OR_RETURN(const ServerAccess access,
                   ResolveAccess(options, std::getenv("LONGSHORE_TOKEN")));
  sources.reserve(urls.size());
  for (const std::string& url : urls) {
    // A token goes to nobody who might read it on the way.
    const std::string token = absl::StartsWith(url, "https://") ? access.token : "";
    sources.push_back({.url = url, .token = token, .ca_file = access.ca});
  }
  return sources;
}

absl::StatusOr<int> Verify(const Options& options, const Here& here) {
  if (options.database.empty()) {
    return UsageError("give --database URL, or set LONGSHORE_DATABASE_URL");
  }
  if (options.instances && options.ssh_key.empty()) {
    return UsageError("--instances needs --ssh-key FILE, or LONGSHORE_SSH_KEY");
  }
  ASSIGN_OR_RETURN(const auto connection, storage::Connection::Open(options.database));
  ASSIGN_OR_RETURN(std::vector<verify::Violation> violations,
                   verify::CheckDatabase(*connection, options.checks));
  ASSIGN_OR_RETURN(auto in_logs, verify::CheckLogs(options.logs, options.secret_files));
  Append(std::move(in_logs), &violations);
  ASSIGN_OR_RETURN(const auto sources, MetricsSources(options.metrics, here.access));
  ASSIGN_OR_RETURN(auto in_metrics, verify::CheckMetrics(*connection, sources));
  Append(std::move(in_metrics), &violations);
  std::string looked;
  bool complete = true;
  if (options.instances) {
    ASSIGN_OR_RETURN(auto report, verify::CheckInstances(*connection, options.ssh_key));
    Append(std::move(report.violations), &violations);
    looked = ", " + std::to_string(report.checked) + " instances";
    if (report.others > 0) {
      looked += " (" + std::to_string(report.others) +
                " run directories or uploads on them are not this database's)";
    }
    for (const std::string& instance : report.unreachable) {
      // ssh ends its lines as for a terminal in raw mode.
      std::string text = absl::StrReplaceAll(instance, {{"\r\n", "\n"}});
      absl::StripTrailingAsciiWhitespace(&text);
      std::cerr << "not checked: " << VisibleText(text) << "\n";
      complete = false;
    }
  }
  PrintViolations(violations, here.printer);
  std::cerr << verify::DatabaseCheckNames().size() << " checks of the database" << looked << ": "
            << violations.size() << (violations.size() == 1 ? " violation\n" : " violations\n");
  return violations.empty() && complete ? kExitDone : kExitFailed;
}

}  // namespace

void AddVerify(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add(
      "verify", "Reads the database itself, and says which promises of docs/guarantees.md break");
  command.TextOrVariable("--database", "URL", "LONGSHORE_DATABASE_URL", &options->database,
                         "the database of the api_servers");
  command.Flag("--quiescent", &options->checks.quiescent, "nothing is under way or asked for");
  command.Flag("--instances", &options->instances, "look on the instances too, by ssh");
  command.TextOrVariable("--ssh-key", kFileType, "LONGSHORE_SSH_KEY", &options->ssh_key,
                         "the private key that opens the instances");
  command.Texts("--log", kFileType, &options->logs, "look for secrets in this file");
  command.Texts("--metrics", "URL", &options->metrics,
                "compare the metrics of this api_server, https://HOST:PORT of its --http_listen");
  command.Texts("--secret-file", kFileType, &options->secret_files,
                "a secret, on the file's first line");
  command.Number("--max-output-bytes", "N", &options->checks.max_output_bytes,
                 "what the api_servers were given");
  command.Number("--max-running-per-instance", "N", &options->checks.max_running_per_instance,
                 "what the api_servers were given");
  command.DoesHere([options](const Here& here) { return Verify(*options, here); });
}

}  // namespace longshore::cli
