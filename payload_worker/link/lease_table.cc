#include "payload_worker/link/lease_table.h"

#include <algorithm>

namespace longshore {

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

std::vector<LeaseKey> LeaseTable::All() {
  MutexLock lock(&mutex_);
  std::vector<LeaseKey> keys;
  for (auto& [key, lease] : leases_) {
    lease.heartbeat_sent = true;
    keys.push_back(key);
  }
  return keys;
}

std::vector<LeaseKey> LeaseTable::TakeUnconfirmed() {
  MutexLock lock(&mutex_);
  std::vector<LeaseKey> keys;
  for (auto& [key, lease] : leases_) {
    if (lease.heartbeat_sent) continue;
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
