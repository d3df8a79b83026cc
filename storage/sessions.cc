#include "storage/sessions.h"

#include <memory>

#include "absl/strings/match.h"
#include "common/status_macros.h"
#include "storage/connection.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

constexpr std::chrono::seconds kAnswerLimit{10};

absl::Status Refusal(const std::string& found) {
  return absl::FailedPreconditionError(
      "between this program and PostgreSQL is a connection pooler: " + found +
      ". Longshore needs sessions of PostgreSQL itself, for prepared statements, LISTEN, locks and "
      "limits of its own, and has a pool of its own (--database_connections): let its URL lead to "
      "PostgreSQL (docs/operations.md)");
}

absl::StatusOr<std::unique_ptr<Connection>> Open(const std::string& url) {
  auto connection = Connection::Open(url, kAnswerLimit);
  if (connection.ok() ||
      !absl::StrContains(std::string(connection.status().message()), "startup parameter")) {
    return connection;
  }
  return Refusal("it refuses the settings of a session");
}

}  // namespace

absl::Status CheckSessions(const std::string& url) {
  ASSIGN_OR_RETURN(const auto first, Open(url));
  ASSIGN_OR_RETURN(const auto second, Open(url));
  // Where there are no sessions, the second is given what the first has just used.
  RETURN_IF_ERROR(first->ExecuteScript("SET longshore.session = 'first'"));
  RETURN_IF_ERROR(second->ExecuteScript("SET longshore.session = 'second'"));
  ASSIGN_OR_RETURN(const Result result, first->Execute(queries::kGetSessionSettings.text));
  const Row row = result.first();
  if (row.Text("session") != "first") {
    return Refusal("it hands connections on after each transaction (pool_mode = transaction)");
  }
  if (row.Text("runs_have_ids") != "on") {
    return Refusal("it drops the settings of a session (ignore_startup_parameters)");
  }
  return absl::OkStatus();
}

}  // namespace longshore::storage
