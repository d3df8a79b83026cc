#include "api_server/services/watch_hub.h"

#include <glog/logging.h>

#include <chrono>
#include <utility>

#include "absl/types/span.h"
#include "common/policy.h"
#include "common/status_macros.h"
#include "storage/payload_store.h"

namespace longshore::services {
namespace {

// More changes than this at once are looked for instead of named: so much memory they take at most.
constexpr size_t kMaxNamed = 50000;

// Payloads whose times are read by one statement.
constexpr size_t kTimesPerRead = 1000;

}  // namespace

class WatchHub::Topic : public WatchTopic {
 public:
  Topic(WatchHub* hub, int64_t key) : hub_(*hub), key_(key) {}
  void Add(std::shared_ptr<Watcher> watcher) override { hub_.Add(key_, std::move(watcher)); }
  void Remove(const std::shared_ptr<Watcher>& watcher) override { hub_.Remove(key_, watcher); }

 private:
  WatchHub& hub_;
  const int64_t key_;
};

WatchHub::WatchHub(storage::Database* database, int threads, int max_watches_per_token)
    : database_(*database),
      tokens_(*database, max_watches_per_token),
      work_(threads),
      waker_([this] { WakeLoop(); }) {}

WatchHub::~WatchHub() { Shutdown(); }

std::unique_ptr<WatchTopic> WatchHub::OfPayload(int64_t payload_id) {
  return std::make_unique<Topic>(this, payload_id);
}

std::unique_ptr<WatchTopic> WatchHub::OfAllPayloads() {
  return std::make_unique<Topic>(this, kAllPayloads);
}

std::unique_ptr<WatchTopic> WatchHub::OfInstances() {
  return std::make_unique<Topic>(this, kInstances);
}

std::unique_ptr<WatchTopic> WatchHub::OfNothing() {
  return std::make_unique<Topic>(this, kNothing);
}

void WatchHub::Add(int64_t key, std::shared_ptr<Watcher> watcher) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      const auto [added, is_new] = watchers_[key].insert(std::move(watcher));
      (*added)->Wake(nullptr);
      return;
    }
  }
  watcher->Stop();
}

void WatchHub::Remove(int64_t key, const std::shared_ptr<Watcher>& watcher) {
  MutexLock lock(&mutex_);
  const auto found = watchers_.find(key);
  if (found == watchers_.end()) return;
  found->second.erase(watcher);
  if (found->second.empty()) watchers_.erase(found);
}

void WatchHub::PayloadsChanged(const std::set<int64_t>& payload_ids) {
  {
    MutexLock lock(&mutex_);
    if (changed_payloads_.size() + payload_ids.size() <= kMaxNamed) {
      changed_payloads_.insert(payload_ids.begin(), payload_ids.end());
    } else {
      changed_payloads_.clear();
      anything_changed_ = true;
    }
  }
  changed_.NotifyAll();
}

void WatchHub::InstancesChanged() {
  {
    MutexLock lock(&mutex_);
    instances_changed_ = true;
  }
  changed_.NotifyAll();
}

void WatchHub::AnythingChanged() {
  {
    MutexLock lock(&mutex_);
    anything_changed_ = true;
  }
  changed_.NotifyAll();
}

void WatchHub::WakeThoseOf(int64_t key, const std::set<int64_t>* payload_ids) {
  std::vector<std::shared_ptr<Watcher>> woken;
  {
    MutexLock lock(&mutex_);
    const auto found = watchers_.find(key);
    if (found == watchers_.end()) return;
    woken.assign(found->second.begin(), found->second.end());
  }
  for (const auto& watcher : woken) watcher->Wake(payload_ids);
}

std::vector<std::shared_ptr<Watcher>> WatchHub::All() {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Watcher>> all;
  for (const auto& [key, watchers] : watchers_) {
    all.insert(all.end(), watchers.begin(), watchers.end());
  }
  return all;
}

void WatchHub::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (const auto& watcher : All()) watcher->Stop();
  work_.Shutdown();
  tokens_.Shutdown();
  if (waker_.joinable()) waker_.join();
}

void WatchHub::WakeLoop() {
  auto next_look = std::chrono::steady_clock::now() + policy::kSafetyPoll;
  while (true) {
    std::set<int64_t> payloads;
    bool instances = false;
    bool anything = false;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && changed_payloads_.empty() && !instances_changed_ && !anything_changed_ &&
             std::chrono::steady_clock::now() < next_look) {
        changed_.WaitUntil(&mutex_, next_look);
      }
      if (stopping_) return;
      payloads.swap(changed_payloads_);
      instances = std::exchange(instances_changed_, false);
      anything = std::exchange(anything_changed_, false);
    }
    if (anything || std::chrono::steady_clock::now() >= next_look) {
      LookForChanges();
      next_look = std::chrono::steady_clock::now() + policy::kSafetyPoll;
    }
    if (instances) WakeThoseOf(kInstances, nullptr);
    if (payloads.empty()) continue;
    for (const int64_t id : payloads) WakeThoseOf(id, &payloads);
    WakeThoseOf(kAllPayloads, &payloads);
  }
}

void WatchHub::LookForChanges() {
  WakeThoseOf(kInstances, nullptr);
  WakeThoseOf(kAllPayloads, nullptr);
  std::vector<int64_t> watched;
  {
    MutexLock lock(&mutex_);
    for (auto at = watchers_.upper_bound(kAllPayloads); at != watchers_.end(); ++at) {
      watched.push_back(at->first);
    }
  }
  std::map<int64_t, int64_t> times;
  for (size_t begin = 0; begin < watched.size(); begin += kTimesPerRead) {
    const auto part = absl::MakeConstSpan(watched).subspan(begin, kTimesPerRead);
    const std::vector<int64_t> ids(part.begin(), part.end());
    const absl::Status read = database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(const auto some, storage::payload_store::UpdateTimes(connection, ids));
      times.insert(some.begin(), some.end());
      return absl::OkStatus();
    });
    if (read.ok()) continue;
    // They look themselves, and say what is wrong to those who watch.
    LOG(WARNING) << "looking for changes of " << ids.size() << " watched payloads: " << read;
    for (const int64_t id : ids) WakeThoseOf(id, nullptr);
  }
  for (const auto& [id, time] : times) {
    const auto before = update_times_.find(id);
    if (before == update_times_.end() || before->second != time) WakeThoseOf(id, nullptr);
  }
  update_times_ = std::move(times);
}

}  // namespace longshore::services
