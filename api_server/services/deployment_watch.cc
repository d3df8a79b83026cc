#include "api_server/services/deployment_watch.h"

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api_server/domain/fields.h"
#include "api_server/services/watch_stream.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "storage/deployment_store.h"

namespace longshore::services {
namespace {

// Changes that wait to be sent on one stream, at most.
constexpr size_t kMaxUnsent = 50;

bool RolloutMoved(const v1::Deployment& before, const v1::Deployment& after) {
  return before.rollout_state() != after.rollout_state() || before.wave() != after.wave() ||
         before.check_deployment_id() != after.check_deployment_id();
}

class FeedTopic : public WatchTopic {
 public:
  // Keeps what Subscribe returns in `ticket`.
  FeedTopic(std::shared_ptr<DeploymentFeed> feed, std::atomic<uint64_t>* ticket)
      : feed_(std::move(feed)), ticket_(*ticket) {}

  void Add(std::shared_ptr<Watcher> watcher) override {
    ticket_ = feed_->Subscribe(watcher);
    watcher->Wake(nullptr);
  }
  void Remove(const std::shared_ptr<Watcher>& watcher) override { feed_->Unsubscribe(watcher); }

 private:
  const std::shared_ptr<DeploymentFeed> feed_;
  std::atomic<uint64_t>& ticket_;
};

// Sends a deployment, then its payloads as they change, and after each lot of them the counts of
// what has been sent, so that they agree with it.
class DeploymentSource : public WatchSource<v1::DeploymentEvent> {
 public:
  DeploymentSource(storage::Database* database, std::shared_ptr<DeploymentFeed> feed, int64_t id)
      : database_(*database), feed_(std::move(feed)), id_(id) {}

  // All watchers share the feed, which sees everything: whether this one may is asked here.
  absl::Status Open(const domain::Caller& caller) override {
    RETURN_IF_ERROR(domain::CheckId("deployment_id", id_));
    return database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const auto deployment,
                       storage::deployment_store::Get(connection, caller.scope, id_));
      return deployment.has_value() ? absl::OkStatus() : domain::DeploymentNotFound(id_);
    });
  }

  // For the topic.
  std::atomic<uint64_t>* ticket() { return &ticket_; }

  absl::StatusOr<std::optional<v1::DeploymentEvent>> Next() override {
    if (!HasMore()) {
      if (ticket_ == 0) return std::nullopt;  // The feed was faster than the topic.
      ASSIGN_OR_RETURN(DeploymentFeed::News news, feed_->Read(ticket_, version_, kMaxUnsent));
      if (!news.ready) return std::nullopt;
      if (sent_.empty()) return Start(news);
      if (RolloutMoved(deployment_, news.deployment)) counts_due_ = true;
      deployment_ = std::move(news.deployment);
      version_ = news.version;
      for (DeploymentFeed::Change& change : news.changes) unsent_.push_back(std::move(change));
    }
    return AtHand();
  }

  std::optional<v1::DeploymentEvent> AtHand() override {
    if (!unsent_.empty()) return NextPayload();
    if (counts_due_) return Counts();
    return std::nullopt;
  }
  bool HasMore() const override { return !unsent_.empty() || counts_due_; }

  bool IsLast(const v1::DeploymentEvent& event) const override {
    return event.has_deployment() && finished_;
  }

 private:
  v1::DeploymentEvent NextPayload() {
    v1::DeploymentEvent event;
    Count(unsent_.front());
    *event.mutable_payload() = *unsent_.front().payload;
    unsent_.pop_front();
    counts_due_ = true;
    return event;
  }

  v1::DeploymentEvent Start(DeploymentFeed::News& news) {
    sent_.resize(news.payloads, v1::PAYLOAD_STATUS_UNSPECIFIED);
    v1::DeploymentEvent event;
    deployment_ = news.deployment;
    *event.mutable_deployment() = std::move(news.deployment);
    return event;
  }

  void Count(const DeploymentFeed::Change& change) {
    uint8_t& sent = sent_[change.index];
    storage::AddToCounts(static_cast<v1::PayloadStatus>(sent), -1, &counts_);
    sent = static_cast<uint8_t>(change.payload->status());
    storage::AddToCounts(change.payload->status(), 1, &counts_);
  }

  v1::DeploymentEvent Counts() {
    v1::DeploymentEvent event;
    *event.mutable_deployment() = deployment_;
    event.mutable_deployment()->clear_request();  // The first event had it.
    *event.mutable_deployment()->mutable_counts() = counts_;
    event.mutable_deployment()->mutable_counts()->set_total(static_cast<int64_t>(sent_.size()));
    counts_due_ = false;
    finished_ = AllTerminal(event.deployment().counts());
    return event;
  }

  storage::Database& database_;
  const std::shared_ptr<DeploymentFeed> feed_;
  const int64_t id_;
  std::atomic<uint64_t> ticket_ = 0;
  uint64_t version_ = 0;
  v1::Deployment deployment_;  // As of the last read.
  v1::PayloadCounts counts_;   // Of sent_, apart from its total.
  std::vector<uint8_t> sent_;  // The status of each payload that was sent last.
  std::deque<DeploymentFeed::Change> unsent_;
  bool counts_due_ = false;
  bool finished_ = false;
};

}  // namespace

grpc::ServerWriteReactor<v1::DeploymentEvent>* StartDeploymentWatch(
    DeploymentFeeds* feeds, Admission admission, const v1::WatchDeploymentRequest& request) {
  std::shared_ptr<DeploymentFeed> feed = feeds->Get(request.deployment_id());
  auto source =
      std::make_unique<DeploymentSource>(&feeds->hub().database(), feed, request.deployment_id());
  auto topic = std::make_unique<FeedTopic>(std::move(feed), source->ticket());
  return new WatchReactor<v1::DeploymentEvent>(&feeds->hub(), std::move(admission),
                                               std::move(topic), std::move(source));
}

}  // namespace longshore::services
