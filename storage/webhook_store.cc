#include "storage/webhook_store.h"

#include "absl/strings/str_join.h"
#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {

namespace webhook_store {
namespace {

using std::chrono::milliseconds;

absl::Status End(Connection& connection, const WebhookEvent& event, bool delivered,
                 const std::string& error) {
  return connection
      .Execute(queries::kEndWebhookEvent, Params()
                                              .Text("id", event.id)
                                              .Int("tries", event.tries)
                                              .Bool("delivered", delivered)
                                              .Text("error", error))
      .status();
}

}  // namespace

absl::Status Have(Connection& connection, const std::vector<WebhookName>& webhooks) {
  std::vector<std::string> names;
  std::vector<std::string> lists;
  for (const WebhookName& webhook : webhooks) {
    names.push_back(webhook.name);
    lists.push_back(webhook.projects.empty() ? "*" : absl::StrJoin(webhook.projects, ","));
  }
  return connection
      .Execute(queries::kHaveWebhooks, Params().Texts("names", names).Texts("project_lists", lists))
      .status();
}

absl::Status Drop(Connection& connection, const std::vector<std::string>& names) {
  if (names.empty()) return absl::OkStatus();
  return connection.Execute(queries::kDropWebhooks, Params().Texts("names", names)).status();
}

absl::Status TellOfEnded(Connection& connection, const std::vector<int64_t>& task_ids) {
  const Statement statement = TellOfEndedStatement(task_ids);
  return connection.Execute(statement.query, statement.params).status();
}

Statement TellOfEndedStatement(const std::vector<int64_t>& task_ids) {
  return {.query = queries::kTellOfEndedDeployments, .params = Params().Ints("task_ids", task_ids)};
}

absl::StatusOr<std::vector<WebhookEvent>> Claim(Connection& connection,
                                                const std::map<std::string, int64_t>& rooms,
                                                milliseconds lease) {
  std::vector<std::string> names;
  std::vector<int64_t> counts;
  for (const auto& [name, room] : rooms) {
    names.push_back(name);
    counts.push_back(room);
  }
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kClaimWebhookEvents,
                                      Params()
                                          .Texts("names", names)
                                          .Ints("rooms", counts)
                                          .Int("lease_milliseconds", lease.count())));
  std::vector<WebhookEvent> events;
  events.reserve(result.rows());
  for (const Row row : result) {
    events.push_back({.id = row.String("id"),
                      .webhook = row.String("webhook"),
                      .deployment_id = row.Int("deployment_id"),
                      .kind = row.String("kind"),
                      .body = row.String("body"),
                      .tries = static_cast<int>(row.Int("tries")),
                      .age = milliseconds(row.Int("age_milliseconds"))});
  }
  return events;
}

absl::StatusOr<std::optional<milliseconds>> NextDue(Connection& connection,
                                                    const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kNextWebhookEvent, Params().Texts("names", names)));
  const Row row = result.first();
  if (row.IsNull("due_in_milliseconds")) return std::nullopt;
  return milliseconds(row.Int("due_in_milliseconds"));
}

absl::Status Delivered(Connection& connection, const WebhookEvent& event) {
  return End(connection, event, /*delivered=*/true, "");
}

absl::Status GiveUp(Connection& connection, const WebhookEvent& event, const std::string& error) {
  return End(connection, event, /*delivered=*/false, error);
}

absl::Status Postpone(Connection& connection, const WebhookEvent& event, milliseconds delay,
                      const std::string& error) {
  return connection
      .Execute(queries::kPostponeWebhookEvent, Params()
                                                   .Text("id", event.id)
                                                   .Int("tries", event.tries)
                                                   .Int("delay_milliseconds", delay.count())
                                                   .Text("error", error))
      .status();
}

absl::StatusOr<int64_t> GiveUpUnclaimed(Connection& connection, milliseconds age) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGiveUpUnclaimedWebhookEvents,
                                      Params().Int("give_up_milliseconds", age.count())));
  return result.affected();
}

absl::StatusOr<int64_t> CountWaiting(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kCountWaitingWebhookEvents));
  return result.first().Int("waiting");
}

}  // namespace webhook_store

}  // namespace longshore::storage
