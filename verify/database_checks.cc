#include "verify/database_checks.h"

#include <glog/logging.h>

#include <algorithm>
#include <regex>
#include <string_view>
#include <utility>

#include "common/status_macros.h"
#include "storage/query.h"
#include "verify/checks/checks.h"
#include "verify/queries/queries.h"

namespace longshore::verify {
namespace {

using storage::Connection;
using storage::Params;
using storage::Query;
using storage::Result;

constexpr int kMaxPerCheck = 20;

// A file of checks/, and what its title says: "invariant 3: COMPLETED means exit status 0".
struct Check {
  int invariant;
  std::string name;
  const Query* query;
};

Check ReadCheck(const Query& query) {
  const std::regex title_pattern("invariant ([0-9]+): (.+)");
  std::cmatch title;
  CHECK(std::regex_match(query.title, title, title_pattern))
      << query.name << ".sql does not say in its first line what it checks";
  return {.invariant = std::stoi(title[1]), .name = title[2], .query = &query};
}

// By invariant, and within one by the files' names.
std::vector<Check> ReadChecks() {
  std::vector<Check> all;
  for (const Query* query : checks::All()) all.push_back(ReadCheck(*query));
  std::ranges::stable_sort(all, {}, &Check::invariant);
  return all;
}

// The options that the query names, and no others.
Params ParamsFor(const Query& query, const DatabaseOptions& options) {
  Params params;
  for (const std::string_view parameter : query.parameters) {
    if (parameter == "quiescent") params.Bool(parameter, options.quiescent);
    if (parameter == "max_output_bytes") params.Int(parameter, options.max_output_bytes);
    if (parameter == "head_bytes") params.Int(parameter, options.max_output_bytes / 2);
    if (parameter == "max_running_per_instance") {
      params.Int(parameter, options.max_running_per_instance);
    }
  }
  return params;
}

absl::Status RunCheck(Connection& connection, const Check& check, const DatabaseOptions& options,
                      std::vector<Violation>* violations) {
  const auto result = connection.Execute(*check.query, ParamsFor(*check.query, options));
  if (!result.ok()) {
    return absl::Status(result.status().code(), "checking that " + check.name + ": " +
                                                    std::string(result.status().message()));
  }
  int left = kMaxPerCheck;
  for (const storage::Row row : *result) {
    if (left-- == 0) break;
    violations->push_back(
        {check.invariant, check.name, row.String("subject"), row.String("detail")});
  }
  if (const int more = result->rows() - kMaxPerCheck; more > 0) {
    violations->push_back({check.invariant, check.name, "and", std::to_string(more) + " more"});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Violation>> CheckDatabase(Connection& connection,
                                                     const DatabaseOptions& options) {
  RETURN_IF_ERROR(connection.Execute(queries::kBeginSnapshot).status());
  ASSIGN_OR_RETURN(const Result schema, connection.Execute(queries::kFindSchema));
  if (!schema.first().Bool("found")) {
    return absl::FailedPreconditionError("this database has no schema of Longshore");
  }
  std::vector<Violation> violations;
  for (const Check& check : ReadChecks()) {
    RETURN_IF_ERROR(RunCheck(connection, check, options, &violations));
  }
  RETURN_IF_ERROR(connection.Execute(queries::kEndSnapshot).status());
  return violations;
}

std::vector<std::string> DatabaseCheckNames() {
  std::vector<std::string> names;
  for (Check& check : ReadChecks()) names.push_back(std::move(check.name));
  return names;
}

}  // namespace longshore::verify
