#include "api_server/webhooks/webhook_sender.h"

#include <glog/logging.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/backoff.h"
#include "common/log_fields.h"
#include "common/metrics.h"
#include "common/policy.h"
#include "common/sha256.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "common/version.h"

namespace longshore::webhooks {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using storage::Connection;
using storage::WebhookEvent;
namespace webhook_store = storage::webhook_store;

// Of one webhook at a time, so that one whose receiver is slow leaves threads to the others.
constexpr int64_t kSentAtATime = 2;
constexpr int kThreads = 16;

constexpr milliseconds kConnectLimit{5000};
constexpr milliseconds kTimeLimit{10000};
// Longer than an event is being sent, with what its end takes.
constexpr milliseconds kLease{20000};

// With each failure in a row twice as long: some twelve tries in the first hour, then one an hour.
constexpr BackoffOptions kRetries{.initial = milliseconds(1000), .maximum = milliseconds(3600000)};
constexpr std::chrono::hours kGiveUpAfter{24};

// How late an end is told at most, unless something fails; an index says at once that there is
// nothing.
constexpr milliseconds kPoll{1000};
constexpr std::chrono::seconds kReadPeriod{5};
constexpr std::chrono::minutes kNotePeriod{1};

metrics::Counter& Tries(bool delivered) {
  static auto& family = metrics::Counters("longshore_webhook_tries_total",
                                          "Events that this api_server has sent to webhooks.");
  return family.Add({{"result", delivered ? "delivered" : "failed"}});
}

metrics::Counter& GivenUp() {
  static auto& counter = metrics::NewCounter("longshore_webhook_events_given_up_total",
                                             "Events that no webhook has taken for a day.");
  return counter;
}

}  // namespace

WebhookSender::WebhookSender(storage::Database* database, WebhookOptions options)
    : database_(*database),
      options_(std::move(options)),
      queue_(options_.file.empty() ? 0 : kThreads) {
  // There from the beginning.
  for (const bool delivered : {false, true}) Tries(delivered);
  GivenUp();
}

WebhookSender::~WebhookSender() { Shutdown(); }

absl::Status WebhookSender::Start() {
  if (!options_.file.empty()) RETURN_IF_ERROR(ReadFile());
  RETURN_IF_ERROR(Note());
  loop_.emplace("webhooks", [this] { return Round(); });
  return absl::OkStatus();
}

void WebhookSender::Shutdown() {
  stopping_ = true;
  if (loop_.has_value()) loop_->Shutdown();
  queue_.Shutdown();
}

absl::StatusOr<milliseconds> WebhookSender::Round() {
  if (!options_.file.empty() && steady_clock::now() >= next_read_) {
    const absl::Status read = ReadFile();
    const std::string problem = read.ToString();
    if (!read.ok() && problem != problem_) LOG(WARNING) << "webhooks stay as they were: " << read;
    problem_ = problem;
  }
  if (changed_ || steady_clock::now() >= next_note_) RETURN_IF_ERROR(Note());
  if (webhooks_.empty()) return options_.file.empty() ? milliseconds(kNotePeriod) : kReadPeriod;
  if (const auto rooms = Rooms(); !rooms.empty()) RETURN_IF_ERROR(Claim(rooms));
  const std::vector<std::string> names = Roomy();  // The end of a request wakes the loop.
  std::optional<milliseconds> next;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(next, webhook_store::NextDue(connection, names));
    return absl::OkStatus();
  }));
  return std::clamp(next.value_or(kPoll), policy::kShortestWait, kPoll);
}

absl::Status WebhookSender::ReadFile() {
  next_read_ = steady_clock::now() + kReadPeriod;
  ASSIGN_OR_RETURN(const auto read, ReadWebhooks(options_.file));
  Known webhooks;
  for (const Webhook& webhook : read) {
    const auto known = webhooks_.find(webhook.name);
    const bool same = known != webhooks_.end() && *known->second == webhook;
    changed_ = changed_ || !same;
    webhooks[webhook.name] = same ? known->second : std::make_shared<const Webhook>(webhook);
  }
  changed_ = changed_ || webhooks.size() != webhooks_.size();
  webhooks_ = std::move(webhooks);
  return absl::OkStatus();
}

absl::Status WebhookSender::Note() {
  std::vector<storage::WebhookName> have;
  for (const auto& [name, webhook] : webhooks_) have.push_back({name, webhook->projects});
  std::vector<std::string> gone;
  for (const std::string& name : noted_) {
    if (webhooks_.count(name) == 0) gone.push_back(name);
  }
  int64_t given_up = 0;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    RETURN_IF_ERROR(webhook_store::Drop(connection, gone));
    RETURN_IF_ERROR(webhook_store::Have(connection, have));
    ASSIGN_OR_RETURN(given_up, webhook_store::GiveUpUnclaimed(connection, kGiveUpAfter));
    return absl::OkStatus();
  }));
  if (given_up > 0) LOG(ERROR) << given_up << " events of webhooks that are gone are given up";
  GivenUp().Increment(static_cast<double>(given_up));
  noted_.clear();
  for (const auto& [name, webhook] : webhooks_) noted_.push_back(name);
  changed_ = false;
  next_note_ = steady_clock::now() + kNotePeriod;
  return absl::OkStatus();
}

std::vector<std::string> WebhookSender::Roomy() {
  MutexLock lock(&mutex_);
  std::vector<std::string> names;
  if (IdleThreads() == 0) return names;
  // Begins behind the one that came last before.
  const auto begin = webhooks_.upper_bound(last_claimed_);
  const auto add = [&](const auto& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto busy = in_hand_.find(entry.first);
    if (busy == in_hand_.end() || busy->second < kSentAtATime) names.push_back(entry.first);
  };
  std::for_each(begin, webhooks_.end(), add);
  std::for_each(webhooks_.begin(), begin, add);
  return names;
}

int64_t WebhookSender::IdleThreads() const {
  int64_t idle = kThreads;
  for (const auto& [name, busy] : in_hand_) idle -= busy;
  return idle;
}

std::map<std::string, int64_t> WebhookSender::Rooms() {
  const std::vector<std::string> names = Roomy();
  std::map<std::string, int64_t> rooms;
  MutexLock lock(&mutex_);
  int64_t idle = IdleThreads();
  for (int64_t turn = 0; turn < kSentAtATime; ++turn) {
    for (const std::string& name : names) {
      const auto busy = in_hand_.find(name);
      const int64_t taken = (busy == in_hand_.end() ? 0 : busy->second) + rooms[name];
      if (idle == 0 || taken >= kSentAtATime) continue;
      ++rooms[name];
      --idle;
      if (turn == 0) last_claimed_ = name;
    }
  }
  std::erase_if(rooms, [](const auto& room) { return room.second == 0; });
  return rooms;
}

absl::Status WebhookSender::Claim(const std::map<std::string, int64_t>& rooms) {
  std::vector<WebhookEvent> events;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(events, webhook_store::Claim(connection, rooms, kLease));
    return absl::OkStatus();
  }));
  for (WebhookEvent& event : events) {
    {
      MutexLock lock(&mutex_);
      ++in_hand_[event.webhook];
    }
    const auto webhook = webhooks_.at(event.webhook);
    queue_.Add([this, webhook, event = std::move(event)] { Send(*webhook, event); });
  }
  return absl::OkStatus();
}

void WebhookSender::Send(const Webhook& webhook, const WebhookEvent& event) {
  const LogFields about{{"webhook", webhook.name},
                        {"webhook_event_id", event.id},
                        {"deployment_id", event.deployment_id}};
  // One whose end is not stored is due again after its lease.
  const absl::Status settled = Settle(event, SendHttp(Request(webhook, event)));
  if (!settled.ok()) LOG(WARNING) << "webhook " << webhook.name << ": " << settled;
  {
    MutexLock lock(&mutex_);
    if (--in_hand_[webhook.name] == 0) in_hand_.erase(webhook.name);
  }
  loop_->Wake();
}

HttpRequest WebhookSender::Request(const Webhook& webhook, const WebhookEvent& event) const {
  const std::string now = std::to_string(std::time(nullptr));
  const std::string signature = HexEncode(HmacSha256(webhook.secret, now + "." + event.body));
  const bool tls = webhook.uses_tls();
  return {.method = "POST",
          .url = webhook.url,
          .headers = {"Content-Type: application/json",
                      "User-Agent: Longshore/" + std::string(kVersion),
                      "Longshore-Event-Id: " + event.id,
                      "Longshore-Signature: t=" + now + ",v1=" + signature},
          .body = event.body,
          .ca_file = webhook.ca_file,
          .time_limit = kTimeLimit,
          .connect_limit = kConnectLimit,
          .name = webhook.name,
          .may_connect =
              [this, tls](const sockaddr& address) {
                return options_.addresses.MayConnect(address, tls);
              },
          .status_only = true,
          .cancelled = &stopping_};
}

absl::Status WebhookSender::Settle(const WebhookEvent& event,
                                   const absl::StatusOr<HttpResponse>& response) {
  if (!response.ok()) {
    const auto message = response.status().message();
    if (!absl::IsCancelled(response.status())) {
      return Fail(event, std::string(message), milliseconds(0));
    }
    return database_.Run([&](Connection& connection) {
      return webhook_store::Postpone(connection, event, milliseconds(0), "the api_server stopped");
    });
  }
  if (response->status / 100 != 2) {
    return Fail(event, absl::StrCat("status ", response->status), response->retry_after);
  }
  Tries(/*delivered=*/true).Increment();
  return database_.Run(
      [&](Connection& connection) { return webhook_store::Delivered(connection, event); });
}

absl::Status WebhookSender::Fail(const WebhookEvent& event, const std::string& why,
                                 milliseconds at_least) {
  Tries(/*delivered=*/false).Increment();
  const std::string error = ToPrintableLine(why, 200);
  if (event.age >= kGiveUpAfter) {
    GivenUp().Increment();
    LOG(ERROR) << "webhook " << event.webhook << " is not told of event " << event.id
               << ", given up after " << event.tries << " tries: " << error;
    return database_.Run(
        [&](Connection& connection) { return webhook_store::GiveUp(connection, event, error); });
  }
  const milliseconds delay =
      std::max(at_least, BackoffDelay(kRetries, event.tries, UniformRandom()));
  LOG(WARNING) << "webhook " << event.webhook << " did not take event " << event.id << ", try "
               << event.tries << ", again in " << delay.count() << " ms: " << error;
  return database_.Run([&](Connection& connection) {
    return webhook_store::Postpone(connection, event, delay, error);
  });
}

}  // namespace longshore::webhooks
