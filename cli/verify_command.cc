#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "storage/connection.h"
#include "verify/database_checks.h"
#include "verify/instance_checks.h"
#include "verify/log_checks.h"

namespace longshore::cli {
namespace {

std::string OptionOrEnvironment(const Arguments& arguments, const std::string& option,
                                const char* variable) {
  if (arguments.Has(option)) return arguments.Text(option);
  const char* value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

void PrintViolations(const std::vector<verify::Violation>& violations, bool json) {
  for (const verify::Violation& violation : violations) {
    if (json) {
      std::cout << nlohmann::json{{"invariant", violation.invariant},
                                  {"check", violation.check},
                                  {"subject", violation.subject},
                                  {"detail", violation.detail}}
                       .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                << "\n";
    } else {
      std::cout << "VIOLATION of invariant " << violation.invariant << ", " << violation.check
                << ": " << violation.subject << ": " << violation.detail << "\n";
    }
  }
}

void Append(std::vector<verify::Violation> more, std::vector<verify::Violation>* all) {
  all->insert(all->end(), std::make_move_iterator(more.begin()),
              std::make_move_iterator(more.end()));
}

}  // namespace

absl::StatusOr<int> Command::Verify() {
  const std::string url = OptionOrEnvironment(arguments_, "database", "LONGSHORE_DATABASE_URL");
  if (url.empty()) {
    return UsageError("give --database URL, or set LONGSHORE_DATABASE_URL");
  }
  const std::string key = OptionOrEnvironment(arguments_, "ssh-key", "LONGSHORE_SSH_KEY");
  if (arguments_.Has("instances") && key.empty()) {
    return UsageError("--instances wants --ssh-key FILE, or LONGSHORE_SSH_KEY");
  }
  verify::DatabaseOptions options{.quiescent = arguments_.Has("quiescent")};
  ASSIGN_OR_RETURN(options.max_output_bytes,
                   arguments_.Int("max-output-bytes", options.max_output_bytes));
  ASSIGN_OR_RETURN(const int64_t max_running,
                   arguments_.Int("max-running-per-instance", options.max_running_per_instance));
  options.max_running_per_instance = static_cast<int>(max_running);

  ASSIGN_OR_RETURN(const auto connection, storage::Connection::Open(url));
  ASSIGN_OR_RETURN(std::vector<verify::Violation> violations,
                   verify::CheckDatabase(*connection, options));
  ASSIGN_OR_RETURN(auto in_logs,
                   verify::CheckLogs(arguments_.All("log"), arguments_.All("secret-file")));
  Append(std::move(in_logs), &violations);
  std::string looked;
  bool complete = true;
  if (arguments_.Has("instances")) {
    ASSIGN_OR_RETURN(auto report, verify::CheckInstances(*connection, key));
    Append(std::move(report.violations), &violations);
    looked = ", " + std::to_string(report.checked) + " instances";
    if (report.others > 0) {
      looked += " (" + std::to_string(report.others) +
                " run directories or uploads on them are not this database's)";
    }
    for (const std::string& instance : report.unreachable) {
      std::cerr << "not checked: " << instance << "\n";
      complete = false;
    }
  }
  PrintViolations(violations, json());
  std::cerr << verify::DatabaseCheckNames().size() << " checks of the database" << looked << ": "
            << violations.size() << (violations.size() == 1 ? " violation\n" : " violations\n");
  return violations.empty() && complete ? 0 : 1;
}

}  // namespace longshore::cli
