#include "payload_worker/ssh/session_pool.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace longshore::ssh {

using std::chrono::steady_clock;

SessionPool::SessionPool(SessionPoolLimits limits)
    : limits_(limits), thread_([this] { CloseLoop(); }) {}

SessionPool::~SessionPool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

std::unique_ptr<Session> SessionPool::Take(int64_t instance_id, const Target& target) {
  while (true) {
    std::unique_ptr<Session> session;
    {
      MutexLock lock(&mutex_);
      const auto found = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Entry& entry) {
        return entry.instance_id == instance_id && entry.session->target() == target;
      });
      if (found == entries_.rend()) return nullptr;
      session = std::move(found->session);
      entries_.erase(std::next(found).base());
    }
    if (session->Renew()) return session;
  }
}

size_t SessionPool::size() {
  MutexLock lock(&mutex_);
  return entries_.size();
}

void SessionPool::Put(int64_t instance_id, std::unique_ptr<Session> session) {
  const auto now = steady_clock::now();
  if (limits_.idle.count() == 0 || now - session->made_at() > limits_.age) return;
  std::unique_ptr<Session> surplus;  // Closed without the lock.
  {
    MutexLock lock(&mutex_);
    const auto is_of_instance = [&](const Entry& entry) {
      return entry.instance_id == instance_id;
    };
    auto worst = entries_.end();
    if (std::count_if(entries_.begin(), entries_.end(), is_of_instance) >=
        static_cast<std::ptrdiff_t>(limits_.sessions_of_instance)) {
      worst = std::find_if(entries_.begin(), entries_.end(), is_of_instance);
    } else if (entries_.size() >= limits_.sessions) {
      worst = entries_.begin();
    }
    if (worst != entries_.end()) {
      surplus = std::move(worst->session);
      entries_.erase(worst);
    }
    entries_.push_back({instance_id, now, std::move(session)});
  }
  changed_.NotifyAll();
}

void SessionPool::CloseLoop() {
  while (true) {
    std::list<Entry> idle;  // Closed without the lock.
    MutexLock lock(&mutex_);
    if (stopping_) return;
    if (entries_.empty()) {
      changed_.Wait(&mutex_);
    } else if (entries_.front().put_at + limits_.idle > steady_clock::now()) {
      changed_.WaitUntil(&mutex_, entries_.front().put_at + limits_.idle);
    } else {
      idle.splice(idle.begin(), entries_, entries_.begin());
    }
  }
}

PooledCommand::PooledCommand(SessionPool* pool, int64_t instance_id,
                             std::unique_ptr<Session> session)
    : pool_(*pool), instance_id_(instance_id), session_(std::move(session)) {}

PooledCommand::~PooledCommand() {
  if (is_finished_) pool_.Put(instance_id_, std::move(session_));
}

}  // namespace longshore::ssh
