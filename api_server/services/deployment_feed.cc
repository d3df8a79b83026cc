#include "api_server/services/deployment_feed.h"

#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "api_server/domain/errors.h"
#include "common/status_macros.h"
#include "storage/payload_store.h"

namespace longshore::services {
namespace {

using storage::Connection;
using storage::Scope;
namespace deployment_store = storage::deployment_store;
namespace payload_store = storage::payload_store;

// Payloads read by one statement.
constexpr size_t kPayloadsPerRead = 200;

// About 60 MB.
constexpr int64_t kKeptPayloads = 100000;

}  // namespace

bool PayloadBudget::Take(int64_t payloads) {
  if ((left_ -= payloads) >= 0) return true;
  left_ += payloads;
  return false;
}

DeploymentFeed::DeploymentFeed(WatchHub* hub, int64_t deployment_id, PayloadBudget* budget)
    : hub_(*hub),
      deployment_id_(deployment_id),
      budget_(*budget),
      payloads_(hub->OfAllPayloads()) {}

DeploymentFeed::~DeploymentFeed() {
  if (keeps_payloads_) budget_.Return(static_cast<int64_t>(entries_.size()));
}

uint64_t DeploymentFeed::Subscribe(std::shared_ptr<Watcher> watcher) {
  MutexLock joining(&joining_);
  uint64_t ticket = 0;
  {
    MutexLock lock(&mutex_);
    subscribers_.insert(std::move(watcher));
    ticket = looks_wanted_ = looks_begun_ + 1;
  }
  payloads_->Add(shared_from_this());  // This wakes the feed too, so it looks at all.
  return ticket;
}

void DeploymentFeed::Unsubscribe(const std::shared_ptr<Watcher>& watcher) {
  MutexLock joining(&joining_);
  {
    MutexLock lock(&mutex_);
    if (subscribers_.erase(watcher) == 0 || !subscribers_.empty()) return;
  }
  payloads_->Remove(shared_from_this());
}

absl::StatusOr<DeploymentFeed::News> DeploymentFeed::Read(uint64_t ticket, uint64_t version,
                                                          size_t limit) {
  News news;
  std::vector<int64_t> unkept;
  {
    MutexLock lock(&mutex_);
    if (looks_done_ < ticket) return news;
    RETURN_IF_ERROR(error_);
    news.ready = true;
    news.payloads = entries_.size();
    news.deployment = deployment_;
    news.version = version;
    auto at = order_.upper_bound(version);
    for (; at != order_.end() && news.changes.size() < limit; ++at) {
      const Entry& entry = entries_[at->second];
      if (entry.payload == nullptr) unkept.push_back(entry.id);
      news.changes.push_back({.index = at->second, .payload = entry.payload});
      news.version = at->first;
    }
    news.more = at != order_.end();
  }
  if (!unkept.empty()) RETURN_IF_ERROR(ReadUnkept(unkept, &news.changes));
  return news;
}

absl::Status DeploymentFeed::ReadUnkept(const std::vector<int64_t>& ids,
                                        std::vector<Change>* changes) {
  std::map<int64_t, std::shared_ptr<const v1::Payload>> read;
  RETURN_IF_ERROR(hub_.database().Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(auto some,
                     payload_store::GetMany(connection, Scope::Everything(), ids, /*lock=*/false));
    for (storage::StoredPayload& stored : some) {
      const int64_t id = stored.payload.id();
      read[id] = std::make_shared<v1::Payload>(std::move(stored.payload));
    }
    return absl::OkStatus();
  }));
  size_t next = 0;
  for (Change& change : *changes) {
    if (change.payload == nullptr) change.payload = read[ids[next++]];
  }
  // One that is gone by now was too old to be kept.
  std::erase_if(*changes, [](const Change& change) { return change.payload == nullptr; });
  return absl::OkStatus();
}

void DeploymentFeed::Wake(const std::set<int64_t>* payload_ids) {
  MutexLock lock(&mutex_);
  if (payload_ids == nullptr || !loaded_) {
    look_at_all_ = true;
  } else {
    const size_t before = unread_.size();
    // Ids of one deployment lie close together.
    for (auto at = payload_ids->lower_bound(entries_.empty() ? 1 : entries_.front().id);
         at != payload_ids->end() && !entries_.empty() && *at <= entries_.back().id; ++at) {
      if (Find(*at) != nullptr) unread_.insert(*at);
    }
    if (unread_.size() == before) return;
  }
  if (!subscribers_.empty()) StartRefresh();
}

void DeploymentFeed::Stop() {
  std::set<std::shared_ptr<Watcher>> subscribers;
  {
    MutexLock lock(&mutex_);
    subscribers = subscribers_;
  }
  for (const auto& subscriber : subscribers) subscriber->Stop();
}

void DeploymentFeed::StartRefresh() {
  if (refreshing_) return;
  refreshing_ = true;
  hub_.work().Add([self = shared_from_this()] { self->Refresh(); });
}

void DeploymentFeed::Refresh() {
  const absl::Status status = ReadChanges();
  std::vector<std::shared_ptr<Watcher>> woken;
  {
    MutexLock lock(&mutex_);
    refreshing_ = false;
    error_ = status;
    // Whatever was to be read still is; whoever comes or is woken next begins again.
    if (!status.ok()) look_at_all_ = true;
    looks_done_ = looks_begun_;
    woken.assign(subscribers_.begin(), subscribers_.end());
    const bool changed = look_at_all_ || !unread_.empty();
    if ((status.ok() && changed) || looks_wanted_ > looks_done_) StartRefresh();
  }
  for (const auto& watcher : woken) watcher->Wake(nullptr);
}

absl::Status DeploymentFeed::ReadChanges() {
  bool all = false;
  {
    MutexLock lock(&mutex_);
    ++looks_begun_;
    all = std::exchange(look_at_all_, false);
  }
  if (all) RETURN_IF_ERROR(CompareStates());
  std::vector<int64_t> ids;
  {
    MutexLock lock(&mutex_);
    ids.assign(unread_.begin(), unread_.end());
    unread_.clear();
  }
  for (size_t begin = 0; begin < ids.size(); begin += kPayloadsPerRead) {
    const auto part = absl::MakeConstSpan(ids).subspan(begin, kPayloadsPerRead);
    const std::vector<int64_t> some(part.begin(), part.end());
    std::vector<v1::Payload> payloads;
    RETURN_IF_ERROR(hub_.database().Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(auto stored, payload_store::GetMany(connection, Scope::Everything(), some,
                                                           /*lock=*/false));
      for (storage::StoredPayload& each : stored) payloads.push_back(std::move(each.payload));
      return absl::OkStatus();
    }));
    MutexLock lock(&mutex_);
    Store(payloads);
  }
  std::optional<v1::Deployment> deployment;
  RETURN_IF_ERROR(hub_.database().Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(deployment,
                     deployment_store::Get(connection, Scope::Everything(), deployment_id_));
    return absl::OkStatus();
  }));
  if (!deployment.has_value()) return domain::DeploymentNotFound(deployment_id_);
  deployment->mutable_request()->clear_instance_ids();
  MutexLock lock(&mutex_);
  deployment_ = *std::move(deployment);
  return absl::OkStatus();
}

absl::Status DeploymentFeed::CompareStates() {
  std::vector<deployment_store::PayloadState> states;
  RETURN_IF_ERROR(hub_.database().Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(states, deployment_store::PayloadStates(connection, deployment_id_));
    return absl::OkStatus();
  }));
  MutexLock lock(&mutex_);
  if (!loaded_ && !states.empty()) {  // The payloads of a deployment are the same for ever.
    for (const auto& state : states) {
      Entry entry;
      entry.id = state.id;
      entries_.push_back(std::move(entry));
    }
    keeps_payloads_ = budget_.Take(static_cast<int64_t>(entries_.size()));
    loaded_ = true;
  }
  for (const auto& state : states) {
    const Entry* entry = Find(state.id);
    if (entry != nullptr && (entry->status != state.status || entry->attempt != state.attempt)) {
      unread_.insert(state.id);
    }
  }
  return absl::OkStatus();
}

void DeploymentFeed::Store(const std::vector<v1::Payload>& payloads) {
  for (const v1::Payload& payload : payloads) {
    Entry* entry = Find(payload.id());
    if (entry->status == payload.status() && entry->attempt == payload.attempt()) continue;
    order_.erase(entry->version);
    entry->status = payload.status();
    entry->attempt = payload.attempt();
    entry->version = ++last_version_;
    order_[entry->version] = entry - entries_.data();
    if (keeps_payloads_) entry->payload = std::make_shared<const v1::Payload>(payload);
  }
}

DeploymentFeed::Entry* DeploymentFeed::Find(int64_t payload_id) {
  const auto found = std::lower_bound(entries_.begin(), entries_.end(), payload_id,
                                      [](const Entry& entry, int64_t id) { return entry.id < id; });
  return found == entries_.end() || found->id != payload_id ? nullptr : &*found;
}

DeploymentFeeds::DeploymentFeeds(WatchHub* hub) : hub_(*hub), budget_(kKeptPayloads) {}

std::shared_ptr<DeploymentFeed> DeploymentFeeds::Get(int64_t deployment_id) {
  MutexLock lock(&mutex_);
  std::erase_if(feeds_, [](const auto& feed) { return feed.second.expired(); });
  std::shared_ptr<DeploymentFeed> feed = feeds_[deployment_id].lock();
  if (feed == nullptr) {
    feed = std::make_shared<DeploymentFeed>(&hub_, deployment_id, &budget_);
    feeds_[deployment_id] = feed;
  }
  return feed;
}

}  // namespace longshore::services
