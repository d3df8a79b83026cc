#include "payload_worker/link/script_cache.h"

#include <algorithm>
#include <vector>

#include "common/sha256.h"

namespace longshore {

ScriptCache::ScriptCache(size_t max_bytes, std::function<void(const std::string&)> request,
                         std::chrono::milliseconds ask_again)
    : max_bytes_(max_bytes), request_(std::move(request)), ask_again_(ask_again) {}

absl::StatusOr<ScriptCache::Content> ScriptCache::Get(const std::string& sha256,
                                                      std::chrono::milliseconds limit) {
  {
    MutexLock lock(&mutex_);
    Entry& entry = entries_[sha256];
    if (entry.content != nullptr) {
      recent_.splice(recent_.begin(), recent_, entry.recent);
      return entry.content;
    }
    ++entry.waiting;
    entry.missing = false;
  }
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (WaitOrAsk(sha256, deadline)) request_(sha256);

  MutexLock lock(&mutex_);
  Entry& entry = entries_[sha256];
  --entry.waiting;
  const Content content = entry.content;
  const bool missing = entry.missing;
  if (content != nullptr) return content;
  if (entry.waiting == 0) entries_.erase(sha256);
  if (missing) return absl::NotFoundError("the api_server does not have the script");
  return absl::UnavailableError("the script did not come from the api_server in time");
}

bool ScriptCache::WaitOrAsk(const std::string& sha256,
                            std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(&mutex_);
  Entry& entry = entries_[sha256];
  while (entry.content == nullptr && !entry.missing) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    if (now >= entry.ask_at) {
      entry.ask_at = now + ask_again_;
      return true;
    }
    changed_.WaitUntil(&mutex_, std::min(deadline, entry.ask_at));
  }
  return false;
}

void ScriptCache::Put(const std::string& sha256, std::string content) {
  {
    MutexLock lock(&mutex_);
    const auto found = entries_.find(sha256);
    if (found == entries_.end() || found->second.content != nullptr) return;
    if (content.empty() || Sha256(content) != sha256) {
      found->second.missing = true;
    } else {
      bytes_ += content.size();
      found->second.content = std::make_shared<const std::string>(std::move(content));
      recent_.push_front(sha256);
      found->second.recent = recent_.begin();
      Evict();
    }
  }
  changed_.NotifyAll();
}

void ScriptCache::Evict() {
  for (auto last = recent_.end(); bytes_ > max_bytes_ && last != recent_.begin();) {
    --last;
    const auto entry = entries_.find(*last);
    if (entry->second.waiting > 0) continue;
    bytes_ -= entry->second.content->size();
    entries_.erase(entry);
    last = recent_.erase(last);
  }
}

void ScriptCache::RequestAgain() {
  std::vector<std::string> wanted;
  {
    MutexLock lock(&mutex_);
    for (const auto& [sha256, entry] : entries_) {
      if (entry.content == nullptr && entry.waiting > 0) wanted.push_back(sha256);
    }
  }
  for (const std::string& sha256 : wanted) request_(sha256);
}

}  // namespace longshore
