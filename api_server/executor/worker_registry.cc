#include "api_server/executor/worker_registry.h"

#include <algorithm>

#include "api_server/executor/event_rules.h"

namespace longshore::executor {
namespace {

v1::ServerMessage DrainMessage() {
  v1::ServerMessage message;
  message.mutable_drain();
  return message;
}

}  // namespace

int64_t WorkerRegistry::Add(std::shared_ptr<WorkerSession> session, const std::string& name,
                            int credit, const storage::Reach& reach) {
  MutexLock lock(&mutex_);
  const int64_t key = next_key_++;
  if (draining_) session->Send(DrainMessage());
  entries_.emplace(key, Entry{std::move(session), name, draining_ ? 0 : credit, reach});
  return key;
}

void WorkerRegistry::Remove(int64_t key) {
  MutexLock lock(&mutex_);
  entries_.erase(key);
}

void WorkerRegistry::AddCredit(int64_t key, int count) {
  MutexLock lock(&mutex_);
  if (auto entry = entries_.find(key); entry != entries_.end() && !draining_) {
    // Negative while assignments are on their way to a worker that has just taken its credit back.
    entry->second.credit = static_cast<int>(
        std::clamp<int64_t>(int64_t{entry->second.credit} + count, -kMaxCredit, kMaxCredit));
  }
}

std::vector<storage::Reach> WorkerRegistry::Reaches() {
  MutexLock lock(&mutex_);
  std::vector<storage::Reach> reaches;
  for (const auto& [key, entry] : entries_) {
    if (std::find(reaches.begin(), reaches.end(), entry.reach) == reaches.end()) {
      reaches.push_back(entry.reach);
    }
  }
  return reaches;
}

std::vector<WorkerRegistry::Slot> WorkerRegistry::TakeCredit(int maximum,
                                                             const storage::Reach& reach) {
  MutexLock lock(&mutex_);
  // Begins behind the one that had the first slot last: a task that this worker could not carry out
  // goes to another one next.
  std::vector<std::pair<const int64_t, Entry>*> turns;
  for (auto at = entries_.upper_bound(first_taken_); at != entries_.end(); ++at) {
    if (at->second.reach == reach) turns.push_back(&*at);
  }
  for (auto at = entries_.begin(); at != entries_.upper_bound(first_taken_); ++at) {
    if (at->second.reach == reach) turns.push_back(&*at);
  }
  std::vector<Slot> slots;
  bool found = true;
  while (found) {
    found = false;
    for (auto* turn : turns) {
      Entry& entry = turn->second;
      if (entry.credit <= 0 || static_cast<int>(slots.size()) >= maximum) continue;
      --entry.credit;
      slots.push_back({turn->first, entry.name});
      found = true;
    }
  }
  if (!slots.empty()) first_taken_ = slots.front().key;
  return slots;
}

std::vector<WorkerRegistry::Slot> WorkerRegistry::TakeCreditOfOne(int maximum,
                                                                  const storage::Reach& reach) {
  MutexLock lock(&mutex_);
  auto most = entries_.end();
  for (auto at = entries_.begin(); at != entries_.end(); ++at) {
    if (at->second.reach != reach) continue;
    if (most == entries_.end() || at->second.credit > most->second.credit) most = at;
  }
  if (most == entries_.end()) return {};
  const int count = std::clamp(most->second.credit, 0, maximum);
  most->second.credit -= count;
  return std::vector<Slot>(count, {most->first, most->second.name});
}

bool WorkerRegistry::HasCredit() {
  MutexLock lock(&mutex_);
  for (const auto& [key, entry] : entries_) {
    if (entry.credit > 0) return true;
  }
  return false;
}

bool WorkerRegistry::Send(int64_t key, v1::ServerMessage message) {
  MutexLock lock(&mutex_);
  const auto entry = entries_.find(key);
  return entry != entries_.end() && entry->second.session->Send(std::move(message));
}

void WorkerRegistry::SendToAll(const v1::ServerMessage& message) {
  MutexLock lock(&mutex_);
  for (auto& [key, entry] : entries_) entry.session->Send(message);
}

void WorkerRegistry::BeginDrain() {
  MutexLock lock(&mutex_);
  draining_ = true;
  for (auto& [key, entry] : entries_) {
    entry.credit = 0;
    entry.session->Send(DrainMessage());
  }
}

void WorkerRegistry::End(const std::function<bool(const std::string& name)>& refused,
                         const absl::Status& why) {
  std::vector<std::shared_ptr<WorkerSession>> ended;
  {
    MutexLock lock(&mutex_);
    for (const auto& [key, entry] : entries_) {
      const std::vector<std::string> names = entry.session->names();
      if (std::any_of(names.begin(), names.end(), refused)) ended.push_back(entry.session);
    }
  }
  for (const auto& session : ended) session->End(why);
}

std::vector<std::string> WorkerRegistry::Names() {
  MutexLock lock(&mutex_);
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) names.push_back(entry.name);
  return names;
}

int WorkerRegistry::size() {
  MutexLock lock(&mutex_);
  return static_cast<int>(entries_.size());
}

}  // namespace longshore::executor
