// Sends what is in the outbox to webhooks.
#ifndef LONGSHORE_API_SERVER_WEBHOOKS_WEBHOOK_SENDER_H_
#define LONGSHORE_API_SERVER_WEBHOOKS_WEBHOOK_SENDER_H_

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/executor/round_loop.h"
#include "api_server/webhooks/address_rules.h"
#include "api_server/webhooks/webhook_file.h"
#include "common/http_client.h"
#include "common/mutex.h"
#include "common/work_queue.h"
#include "storage/database.h"
#include "storage/webhook_store.h"

namespace longshore::webhooks {

struct WebhookOptions {
  std::string file;  // Of webhook_file.h; empty: none.
  AddressRules addresses;
};

// Thread-safe. One thread reads the file, tells the database whose names are in it, and claims
// events; a few others send them, so that a receiver that is slow holds up no other. An event is
// sent until its receiver has answered with a 2xx, for a day; who dies over one leaves it to any
// api_server, so it may come twice, under the same id. Any number of replicas may do so.
class WebhookSender {
 public:
  // `database` must outlive this object.
  WebhookSender(storage::Database* database, WebhookOptions options);
  ~WebhookSender();

  // Once the webhooks are known to the database; from then on nothing that ends is missed. Errors:
  // those of the file and of the database.
  absl::Status Start();
  // Breaks off what is being sent: it is due again at once.
  void Shutdown();

 private:
  using Known = std::map<std::string, std::shared_ptr<const Webhook>>;

  absl::StatusOr<std::chrono::milliseconds> Round() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ReadFile();
  // Tells the database which webhooks there are, and whether some have gone since the last time.
  absl::Status Note();
  // The webhooks of which more events can be sent, in turn; none while every thread has one.
  std::vector<std::string> Roomy() ABSL_LOCKS_EXCLUDED(mutex_);
  // How many events of each can be sent at once: an event that is claimed waits for no thread, for
  // it would outlive its lease.
  std::map<std::string, int64_t> Rooms() ABSL_LOCKS_EXCLUDED(mutex_);
  int64_t IdleThreads() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Claim(const std::map<std::string, int64_t>& rooms) ABSL_LOCKS_EXCLUDED(mutex_);
  void Send(const Webhook& webhook, const storage::WebhookEvent& event) ABSL_LOCKS_EXCLUDED(mutex_);
  HttpRequest Request(const Webhook& webhook, const storage::WebhookEvent& event) const;
  // Stores what has become of it.
  absl::Status Settle(const storage::WebhookEvent& event,
                      const absl::StatusOr<HttpResponse>& response);
  absl::Status Fail(const storage::WebhookEvent& event, const std::string& why,
                    std::chrono::milliseconds at_least);

  storage::Database& database_;
  const WebhookOptions options_;
  std::atomic<bool> stopping_ = false;
  // Used by the loop's thread alone, and by Start before there is one.
  Known webhooks_;
  std::vector<std::string> noted_;  // Their names, as the database was told last.
  bool changed_ = true;             // Since then.
  std::string problem_;             // Of the file, as it was logged last.
  std::string last_claimed_;        // The webhook that came last in a claim.
  std::chrono::steady_clock::time_point next_read_;
  std::chrono::steady_clock::time_point next_note_;
  Mutex mutex_;
  // How many events of each webhook are queued or being sent.
  std::map<std::string, int64_t> in_hand_ ABSL_GUARDED_BY(mutex_);
  WorkQueue queue_;
  std::optional<executor::RoundLoop> loop_;
};

}  // namespace longshore::webhooks

#endif  // LONGSHORE_API_SERVER_WEBHOOKS_WEBHOOK_SENDER_H_
