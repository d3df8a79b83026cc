#include "api_server/services/deployment_watch.h"

#include <algorithm>
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
#include "storage/payload_store.h"

namespace longshore::services {
namespace {

using storage::Connection;
namespace deployment_store = storage::deployment_store;
namespace payload_store = storage::payload_store;

// Payloads read at a time: so many are in memory at most.
constexpr size_t kMaxPayloadsPerRead = 200;

bool AllTerminal(const v1::PayloadCounts& counts) {
  return counts.completed() + counts.failed() + counts.cancelled() == counts.total();
}

class DeploymentSource : public WatchSource<v1::DeploymentEvent> {
 public:
  DeploymentSource(storage::Database* database, int64_t deployment_id)
      : database_(*database), deployment_id_(deployment_id) {}

  absl::StatusOr<std::optional<v1::DeploymentEvent>> Next() override {
    if (!started_) return Start();
    while (unsent_.empty()) {
      if (counts_due_) return Counts();
      ASSIGN_OR_RETURN(const bool more, ReadChanges());
      if (!more) return std::nullopt;
    }
    v1::DeploymentEvent event;
    *event.mutable_payload() = std::move(unsent_.front());
    unsent_.pop_front();
    // The counts come after every change that was found together with this one.
    counts_due_ = true;
    return event;
  }

  bool IsLast(const v1::DeploymentEvent& event) const override {
    return event.has_deployment() && finished_;
  }

  bool Notice(const std::set<int64_t>* payload_ids) override {
    MutexLock lock(&mutex_);
    if (payload_ids == nullptr) {
      look_at_all_ = true;
      return true;
    }
    bool any = false;
    for (int64_t id : *payload_ids) {
      if (!std::binary_search(ids_.begin(), ids_.end(), id)) continue;
      changed_.insert(id);
      any = true;
    }
    // Before the first look it is not known whose they are.
    return any || ids_.empty();
  }

 private:
  struct Sent {
    v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
    int attempt = 0;
  };

  absl::StatusOr<v1::DeploymentEvent> ReadDeployment() {
    std::optional<v1::Deployment> deployment;
    RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(deployment, deployment_store::Get(connection, deployment_id_));
      return absl::OkStatus();
    }));
    if (!deployment.has_value()) return domain::DeploymentNotFound(deployment_id_);
    deployment->mutable_request()->clear_instance_ids();
    if (started_) deployment->clear_request();  // The first event had it.
    v1::DeploymentEvent event;
    *event.mutable_deployment() = *std::move(deployment);
    return event;
  }

  absl::StatusOr<std::vector<deployment_store::PayloadState>> ReadStates() {
    std::vector<deployment_store::PayloadState> states;
    RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(states, deployment_store::PayloadStates(connection, deployment_id_));
      return absl::OkStatus();
    }));
    return states;
  }

  absl::StatusOr<std::optional<v1::DeploymentEvent>> Start() {
    ASSIGN_OR_RETURN(v1::DeploymentEvent event, ReadDeployment());
    // The payloads of a deployment are the same for ever.
    ASSIGN_OR_RETURN(const auto states, ReadStates());
    MutexLock lock(&mutex_);
    for (const auto& state : states) ids_.push_back(state.id);
    sent_.resize(ids_.size());
    look_at_all_ = true;
    started_ = true;
    return std::optional(std::move(event));
  }

  // Of what has been sent, so that they agree with it; the rest as the database has it now.
  absl::StatusOr<std::optional<v1::DeploymentEvent>> Counts() {
    ASSIGN_OR_RETURN(v1::DeploymentEvent event, ReadDeployment());
    v1::PayloadCounts* counts = event.mutable_deployment()->mutable_counts();
    counts->Clear();
    for (const Sent& sent : sent_) storage::AddToCounts(sent.status, 1, counts);
    counts_due_ = false;
    finished_ = AllTerminal(*counts);
    return std::optional(std::move(event));
  }

  // Finds up to kMaxPayloadsPerRead payloads that differ from what was sent. False when there are
  // none.
  absl::StatusOr<bool> ReadChanges() {
    ASSIGN_OR_RETURN(const std::vector<int64_t> ids, TakeChanged());
    if (ids.empty()) return false;
    std::vector<storage::StoredPayload> payloads;
    RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(payloads, payload_store::GetMany(connection, ids, /*lock=*/false));
      return absl::OkStatus();
    }));
    for (storage::StoredPayload& stored : payloads) {
      v1::Payload& payload = stored.payload;
      Sent& sent = SentOf(payload.id());
      if (sent.status == payload.status() && sent.attempt == payload.attempt()) continue;
      sent = {.status = payload.status(), .attempt = payload.attempt()};
      unsent_.push_back(std::move(payload));
    }
    return true;
  }

  // The next payloads to look at.
  absl::StatusOr<std::vector<int64_t>> TakeChanged() {
    bool all = false;
    {
      MutexLock lock(&mutex_);
      all = std::exchange(look_at_all_, false);
    }
    if (all) {
      const auto states = ReadStates();
      MutexLock lock(&mutex_);
      look_at_all_ = look_at_all_ || !states.ok();
      RETURN_IF_ERROR(states.status());
      for (const auto& state : *states) {
        const Sent& sent = SentOf(state.id);
        if (sent.status != state.status || sent.attempt != state.attempt) changed_.insert(state.id);
      }
    }
    MutexLock lock(&mutex_);
    auto end = changed_.begin();
    for (size_t i = 0; i < kMaxPayloadsPerRead && end != changed_.end(); ++i) ++end;
    std::vector<int64_t> ids(changed_.begin(), end);
    changed_.erase(changed_.begin(), end);
    return ids;
  }

  Sent& SentOf(int64_t id) {
    return sent_[std::lower_bound(ids_.begin(), ids_.end(), id) - ids_.begin()];
  }

  storage::Database& database_;
  const int64_t deployment_id_;
  // Only Next's.
  bool started_ = false;
  bool counts_due_ = false;
  bool finished_ = false;
  std::vector<Sent> sent_;  // sent_[i] belongs to ids_[i].
  std::deque<v1::Payload> unsent_;
  Mutex mutex_;
  // Sorted. Written once, by Next under mutex_, which may therefore read it without.
  std::vector<int64_t> ids_;
  bool look_at_all_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<int64_t> changed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

grpc::ServerWriteReactor<v1::DeploymentEvent>* StartDeploymentWatch(
    WatchHub* hub, const v1::WatchDeploymentRequest& request) {
  return new WatchReactor<v1::DeploymentEvent>(
      hub, std::nullopt,
      std::make_unique<DeploymentSource>(&hub->database(), request.deployment_id()),
      domain::CheckId("deployment_id", request.deployment_id()));
}

}  // namespace longshore::services
