// The outbox of webhooks: what is to be told, to whom, and what has become of it. Rows come into it
// with the change that they tell of: task_store::End and a trigger of the schema write them.
#ifndef LONGSHORE_STORAGE_WEBHOOK_STORE_H_
#define LONGSHORE_STORAGE_WEBHOOK_STORE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// A webhook as others than its sender know it.
struct WebhookName {
  std::string name;
  std::vector<std::string> projects;  // It hears of deployments to these alone; empty: of all.
};

// An event that is to be sent by who has claimed it.
struct WebhookEvent {
  std::string id;
  std::string webhook;
  int64_t deployment_id = 0;
  std::string kind;
  std::string body;
  int tries = 0;  // With this one.
  std::chrono::milliseconds age{0};
};

namespace webhook_store {

// Notes that an api_server has these. From now on deployments are told to them; those that no
// api_server has noted for ten minutes are forgotten.
absl::Status Have(Connection& connection, const std::vector<WebhookName>& webhooks);
// Forgets webhooks now. What they are still to be told waits until it is given up.
absl::Status Drop(Connection& connection, const std::vector<std::string>& names);

// Writes what is to be told of the deployments that have ended with these tasks. Call it under the
// capacity lock, in the transaction that ends the tasks.
absl::Status TellOfEnded(Connection& connection, const std::vector<int64_t>& task_ids);
// Returns the statement of that, for Connection::ExecuteTogether.
Statement TellOfEndedStatement(const std::vector<int64_t>& task_ids);

// Claims due events, as many for each webhook as `rooms` says. Each is due again after `lease`
// unless it is ended or postponed by then.
absl::StatusOr<std::vector<WebhookEvent>> Claim(Connection& connection,
                                                const std::map<std::string, int64_t>& rooms,
                                                std::chrono::milliseconds lease);
// Returns in how long the next event of these webhooks is due, 0 or less if it is; nullopt when
// none waits.
absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue(
    Connection& connection, const std::vector<std::string>& names);

// What has become of a claimed event. GiveUp and Postpone do nothing once somebody else has claimed
// it.
absl::Status Delivered(Connection& connection, const WebhookEvent& event);
absl::Status GiveUp(Connection& connection, const WebhookEvent& event, const std::string& error);
absl::Status Postpone(Connection& connection, const WebhookEvent& event,
                      std::chrono::milliseconds delay, const std::string& error);
// Gives up events of that age that nobody claims. Returns how many.
absl::StatusOr<int64_t> GiveUpUnclaimed(Connection& connection, std::chrono::milliseconds age);

// Returns how many events are neither delivered nor given up.
absl::StatusOr<int64_t> CountWaiting(Connection& connection);

}  // namespace webhook_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_WEBHOOK_STORE_H_
