#include "verify/metrics_checks.h"

#include <optional>
#include <regex>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/http_client.h"
#include "common/status_macros.h"
#include "storage/query.h"
#include "verify/queries/queries.h"

namespace longshore::verify {
namespace {

constexpr int kDiffersTimes = 3;
constexpr char kCheck[] = "metrics agree with the rows";

// `longshore_open_tasks{type="payload_transfer",status="pending"} 3`, the labels in any order.
std::optional<std::string> Label(const std::string& labels, const std::string& name) {
  std::smatch found;
  const std::regex pattern("(^|,)" + name + "=\"([a-z_]*)\"");
  if (!std::regex_search(labels, found, pattern)) return std::nullopt;
  return found[2];
}

double At(const OpenTasks& tasks, const OpenTasks::key_type& key) {
  const auto found = tasks.find(key);
  return found == tasks.end() ? 0 : found->second;
}

absl::StatusOr<OpenTasks> ReadRows(storage::Connection& connection) {
  ASSIGN_OR_RETURN(const storage::Result rows, connection.Execute(queries::kOpenTasks));
  OpenTasks tasks;
  for (const storage::Row row : rows) {
    tasks[{row.String("type"), row.String("status")}] = static_cast<double>(row.Int("tasks"));
  }
  return tasks;
}

absl::StatusOr<OpenTasks> ReadPage(const MetricsSource& source) {
  std::string url(absl::StripSuffix(source.url, "/"));
  if (!absl::EndsWith(url, "/metrics")) url += "/metrics";
  HttpRequest request{.url = url, .ca_file = source.ca_file};
  if (!source.token.empty()) request.headers = {"Authorization: Bearer " + source.token};
  ASSIGN_OR_RETURN(const HttpResponse response, SendHttp(request));
  if (response.status != 200) {
    return absl::UnavailableError(absl::StrCat(url, " answers HTTP ", response.status));
  }
  return ReadOpenTasks(response.body);
}

}  // namespace

absl::StatusOr<OpenTasks> ReadOpenTasks(std::string_view page) {
  OpenTasks tasks;
  bool is_up = false;
  const std::regex pattern("longshore_open_tasks\\{([^}]*)\\} ([0-9.e+]+)");
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(std::string(page), '\n'))) {
    if (line == "longshore_database_up 1") is_up = true;
    std::smatch found;
    if (!std::regex_match(line, found, pattern)) continue;
    const auto type = Label(found[1], "type");
    const auto status = Label(found[1], "status");
    double value = 0;
    if (!type.has_value() || !status.has_value() || !absl::SimpleAtod(found[2].str(), &value)) {
      return absl::InvalidArgumentError(absl::StrCat("'", line, "' is not understood"));
    }
    tasks[{*type, *status}] = value;
  }
  if (is_up) return tasks;
  return absl::InvalidArgumentError(
      "these are no metrics of an api_server that reaches its database");
}

absl::StatusOr<std::vector<Violation>> CompareOpenTasks(
    const std::string& where, const std::function<absl::StatusOr<OpenTasks>()>& read_page,
    const std::function<absl::StatusOr<OpenTasks>()>& read_rows) {
  std::map<OpenTasks::key_type, std::string> suspects;
  for (int turn = 0; turn < kDiffersTimes; ++turn) {
    ASSIGN_OR_RETURN(const OpenTasks before, read_rows());
    ASSIGN_OR_RETURN(const OpenTasks page, read_page());
    ASSIGN_OR_RETURN(const OpenTasks after, read_rows());
    std::map<OpenTasks::key_type, std::string> differ;
    for (const OpenTasks* tasks : {&before, &page, &after}) {
      for (const auto& [key, number] : *tasks) {
        const double told = At(page, key);
        const double stored = At(before, key);
        if (stored != At(after, key) || told == stored) continue;
        if (turn > 0 && !suspects.contains(key)) continue;
        differ[key] = absl::StrCat("it tells ", told, ", there are ", stored);
      }
    }
    suspects = std::move(differ);
    if (suspects.empty()) break;
  }
  std::vector<Violation> violations;
  violations.reserve(suspects.size());
  for (const auto& [key, detail] : suspects) {
    violations.push_back(
        {9, kCheck, absl::StrCat(where, ", tasks of type ", key.first, ", ", key.second), detail});
  }
  return violations;
}

absl::StatusOr<std::vector<Violation>> CheckMetrics(storage::Connection& connection,
                                                    const std::vector<MetricsSource>& sources) {
  std::vector<Violation> all;
  for (const MetricsSource& source : sources) {
    ASSIGN_OR_RETURN(auto found, CompareOpenTasks(
                                     source.url, [&] { return ReadPage(source); },
                                     [&] { return ReadRows(connection); }));
    all.insert(all.end(), std::make_move_iterator(found.begin()),
               std::make_move_iterator(found.end()));
  }
  return all;
}

}  // namespace longshore::verify
