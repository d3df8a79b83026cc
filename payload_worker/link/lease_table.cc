#include "payload_worker/link/lease_table.h"

#include <algorithm>

namespace longshore {
namespace {

// What has been held for as many heartbeats is likely to be held for long.
constexpr int kSettledAfter = 2;

// Sums of a hostile size go round instead of ending the program; the api_server refuses them.
int64_t Sum(int64_t one, int64_t other) {
  return static_cast<int64_t>(static_cast<uint64_t>(one) + static_cast<uint64_t>(other));
}

}  // namespace

LeaseTable::LeaseTable(const Clock* clock) : clock_(*clock) {}

void LeaseTable::Add(const LeaseKey& key) {
  MutexLock lock(&mutex_);
  leases_[key] = {};
}

void LeaseTable::Remove(const LeaseKey& key) {
  {
    MutexLock lock(&mutex_);
    leases_.erase(key);
  }
  changed_.NotifyAll();
}

bool LeaseTable::Holds(const LeaseKey& key) {
  MutexLock lock(&mutex_);
  return leases_.count(key) > 0;
}

bool LeaseTable::IsValid(const LeaseKey& key) {
  MutexLock lock(&mutex_);
  const auto lease = leases_.find(key);
  return lease != leases_.end() && lease->second.valid_until >= clock_.SinceBoot();
}

std::vector<LeaseKey> LeaseTable::TakeSingle() {
  MutexLock lock(&mutex_);
  std::vector<LeaseKey> keys;
  for (auto& [key, lease] : leases_) {
    if (lease.group != 0) continue;
    lease.heartbeat_sent = true;
    keys.push_back(key);
  }
  return keys;
}

std::vector<LeaseGroup> LeaseTable::GroupsLocked() const {
  std::map<int64_t, LeaseGroup> by_id;
  for (const auto& [key, lease] : leases_) {
    if (lease.group == 0) continue;
    LeaseGroup& group = by_id[lease.group];
    group.id = lease.group;
    ++group.tasks;
    group.task_id_sum = Sum(group.task_id_sum, key.task_id);
    group.lease_epoch_sum = Sum(group.lease_epoch_sum, key.lease_epoch);
  }
  std::vector<LeaseGroup> groups;
  groups.reserve(by_id.size());
  for (const auto& [id, group] : by_id) groups.push_back(group);
  return groups;
}

std::vector<LeaseGroup> LeaseTable::Groups() {
  MutexLock lock(&mutex_);
  return GroupsLocked();
}

std::vector<LeaseKey> LeaseTable::TakeSettled() {
  MutexLock lock(&mutex_);
  int64_t tasks = 0;
  for (const auto& [key, lease] : leases_) {
    if (lease.group == 0 && lease.renewals >= kSettledAfter) ++tasks;
  }
  if (tasks == 0) return {};
  std::vector<LeaseGroup> groups = GroupsLocked();
  std::sort(groups.begin(), groups.end(),
            [](const LeaseGroup& one, const LeaseGroup& other) { return one.tasks < other.tasks; });
  std::set<int64_t> merged = {0};
  for (const LeaseGroup& group : groups) {
    if (group.tasks > tasks) break;
    merged.insert(group.id);
    tasks += group.tasks;
  }
  std::vector<LeaseKey> keys;
  for (auto& [key, lease] : leases_) {
    if (merged.count(lease.group) == 0) continue;
    if (lease.group == 0 && lease.renewals < kSettledAfter) continue;
    keys.push_back(key);
    lease.group = 0;
    lease.renewals = 0;
  }
  return keys;
}

void LeaseTable::SetGroup(const std::vector<LeaseKey>& keys, int64_t group) {
  MutexLock lock(&mutex_);
  for (const LeaseKey& key : keys) {
    if (const auto lease = leases_.find(key); lease != leases_.end()) lease->second.group = group;
  }
}

void LeaseTable::Dissolve(int64_t group) {
  MutexLock lock(&mutex_);
  for (auto& [key, lease] : leases_) {
    if (lease.group != group) continue;
    lease.group = 0;
    lease.renewals = 0;
    lease.heartbeat_sent = false;
  }
}

void LeaseTable::DissolveAll() {
  for (const LeaseGroup& group : Groups()) Dissolve(group.id);
}

std::vector<LeaseKey> LeaseTable::TakeUnconfirmed() {
  MutexLock lock(&mutex_);
  std::vector<LeaseKey> keys;
  for (auto& [key, lease] : leases_) {
    if (lease.heartbeat_sent || lease.group != 0) continue;
    lease.heartbeat_sent = true;
    keys.push_back(key);
  }
  return keys;
}

void LeaseTable::ForgetHeartbeats() {
  MutexLock lock(&mutex_);
  for (auto& [key, lease] : leases_) lease.heartbeat_sent = false;
}

void LeaseTable::Renew(const std::vector<LeaseKey>& keys, std::chrono::nanoseconds until) {
  {
    MutexLock lock(&mutex_);
    for (const LeaseKey& key : keys) {
      if (const auto lease = leases_.find(key); lease != leases_.end()) {
        lease->second.valid_until = std::max(lease->second.valid_until, until);
        ++lease->second.renewals;
      }
    }
  }
  changed_.NotifyAll();
}

void LeaseTable::RenewGroups(const std::set<int64_t>& groups, std::chrono::nanoseconds until) {
  {
    MutexLock lock(&mutex_);
    for (auto& [key, lease] : leases_) {
      if (lease.group != 0 && groups.count(lease.group) > 0) {
        lease.valid_until = std::max(lease.valid_until, until);
      }
    }
  }
  changed_.NotifyAll();
}

bool LeaseTable::WaitValid(const LeaseKey& key, std::chrono::nanoseconds remaining,
                           std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  MutexLock lock(&mutex_);
  while (true) {
    const auto lease = leases_.find(key);
    if (lease == leases_.end()) return false;
    if (lease->second.valid_until >= clock_.SinceBoot() + remaining) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    changed_.WaitUntil(&mutex_, deadline);
  }
}

}  // namespace longshore
