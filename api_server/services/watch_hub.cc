#include "api_server/services/watch_hub.h"

#include "common/policy.h"

namespace longshore::services {

WatchHub::WatchHub(storage::Database* database, int threads)
    : database_(*database), work_(threads), poller_([this] { PollLoop(); }) {}

WatchHub::~WatchHub() { Shutdown(); }

void WatchHub::Add(std::shared_ptr<Watcher> watcher, std::optional<int64_t> payload_id) {
  {
    MutexLock lock(&mutex_);
    if (!stopping_) {
      watchers_[payload_id].insert(watcher);
      watcher->Wake(nullptr);
      return;
    }
  }
  watcher->Stop();
}

void WatchHub::Remove(const std::shared_ptr<Watcher>& watcher, std::optional<int64_t> payload_id) {
  MutexLock lock(&mutex_);
  const auto found = watchers_.find(payload_id);
  if (found == watchers_.end()) return;
  found->second.erase(watcher);
  if (found->second.empty()) watchers_.erase(found);
}

void WatchHub::Wake(const std::set<int64_t>& payload_ids) {
  MutexLock lock(&mutex_);
  for (int64_t id : payload_ids) WakeThoseOf(id, payload_ids);
  WakeThoseOf(std::nullopt, payload_ids);
}

void WatchHub::WakeThoseOf(std::optional<int64_t> payload_id,
                           const std::set<int64_t>& payload_ids) {
  const auto found = watchers_.find(payload_id);
  if (found == watchers_.end()) return;
  for (const auto& watcher : found->second) watcher->Wake(&payload_ids);
}

std::vector<std::shared_ptr<Watcher>> WatchHub::All() {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<Watcher>> all;
  for (const auto& [id, watchers] : watchers_)
    all.insert(all.end(), watchers.begin(), watchers.end());
  return all;
}

void WatchHub::WakeAll() {
  for (const auto& watcher : All()) watcher->Wake(nullptr);
}

void WatchHub::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (const auto& watcher : All()) watcher->Stop();
  work_.Shutdown();
  if (poller_.joinable()) poller_.join();
}

void WatchHub::PollLoop() {
  while (true) {
    {
      const auto deadline = std::chrono::steady_clock::now() + policy::kSafetyPoll;
      MutexLock lock(&mutex_);
      while (!stopping_ && std::chrono::steady_clock::now() < deadline) {
        changed_.WaitUntil(&mutex_, deadline);
      }
      if (stopping_) return;
    }
    WakeAll();
  }
}

}  // namespace longshore::services
