#include "payload_worker/connector_pool.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace longshore {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Jobs that wait for a slot: enough that none is idle for a round trip to the server.
constexpr int kQueuedPerSlot = 2;
constexpr milliseconds kMonitorInterval{50};

milliseconds SilenceOfSocket(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return milliseconds(0);
  return milliseconds(info.tcpi_last_data_recv);
}

ConnectorPoolOptions WithDefaults(ConnectorPoolOptions options) {
  if (!options.silence_of) options.silence_of = SilenceOfSocket;
  return options;
}

}  // namespace

struct ConnectorPool::RunningJob {
  RunningJob(ConnectorPool* pool, bool failed_before)
      : has_failed_before(failed_before), pool(*pool) {}

  void SetSocket(int socket) {
    MutexLock lock(&pool.mutex_);
    fd = socket;
  }

  const bool has_failed_before;
  const steady_clock::time_point begun = steady_clock::now();
  ConnectorPool& pool;
  // Both under the pool's mutex.
  int fd = -1;
  bool has_slot = true;
};

ConnectorPool::ConnectorPool(ConnectorPoolOptions options, std::function<void()> on_room)
    : options_(WithDefaults(std::move(options))),
      on_room_(std::move(on_room)),
      monitor_([this] { MonitorLoop(); }) {}

ConnectorPool::~ConnectorPool() { Shutdown(); }

void ConnectorPool::Shutdown() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    fresh_.clear();
    failed_before_.clear();
    threads.swap(threads_);
  }
  changed_.NotifyAll();
  monitor_wanted_.NotifyAll();
  for (std::thread& thread : threads) thread.join();
  if (monitor_.joinable()) monitor_.join();
}

void ConnectorPool::Add(Job job, bool has_failed_before) {
  MutexLock lock(&mutex_);
  if (stopping_) return;
  (has_failed_before ? failed_before_ : fresh_).push_back({std::move(job), has_failed_before});
  WakeThread();
}

int ConnectorPool::Room() {
  MutexLock lock(&mutex_);
  const int in_hand = static_cast<int>(running_.size() + fresh_.size() + failed_before_.size());
  const int soon = options_.slots * kQueuedPerSlot - slots_taken_ - static_cast<int>(fresh_.size());
  return std::max(0, std::min(soon, options_.max_threads * kQueuedPerSlot - in_hand));
}

bool ConnectorPool::TakeNext(QueuedJob* next) {
  if (slots_taken_ >= options_.slots) return false;
  // Those that wait for hosts which did not answer before leave half of the threads to the others.
  const bool another_failed = !failed_before_.empty() &&
                              slots_of_failed_ < std::max(1, options_.slots / 4) &&
                              running_of_failed_ < std::max(1, options_.max_threads / 2);
  if (fresh_.empty() && !another_failed) return false;
  std::deque<QueuedJob>& queue = fresh_.empty() ? failed_before_ : fresh_;
  *next = std::move(queue.front());
  queue.pop_front();
  return true;
}

void ConnectorPool::WakeThread() {
  const bool work = !fresh_.empty() || !failed_before_.empty();
  if (!work || slots_taken_ >= options_.slots || stopping_) return;
  if (idle_ > 0) {
    changed_.NotifyOne();
  } else if (static_cast<int>(threads_.size()) < options_.max_threads) {
    ++idle_;
    threads_.emplace_back([this] { ConnectorLoop(); });
  }
}

void ConnectorPool::ReleaseSlot(RunningJob* running) {
  if (!running->has_slot) return;
  running->has_slot = false;
  --slots_taken_;
  if (running->has_failed_before) --slots_of_failed_;
}

void ConnectorPool::ConnectorLoop() {
  while (true) {
    QueuedJob next;
    std::unique_ptr<RunningJob> running;
    std::list<RunningJob*>::iterator self;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && !TakeNext(&next)) changed_.Wait(&mutex_);
      if (stopping_) return;
      --idle_;
      ++slots_taken_;
      if (next.has_failed_before) {
        ++slots_of_failed_;
        ++running_of_failed_;
      }
      running = std::make_unique<RunningJob>(this, next.has_failed_before);
      self = running_.insert(running_.end(), running.get());
      WakeThread();  // There may be a slot for another.
    }
    monitor_wanted_.NotifyOne();
    next.job([&running](int fd) { running->SetSocket(fd); });
    next.job = nullptr;
    {
      MutexLock lock(&mutex_);
      ReleaseSlot(running.get());
      if (running->has_failed_before) --running_of_failed_;
      running_.erase(self);
      ++idle_;
      WakeThread();
    }
    on_room_();
  }
}

bool ConnectorPool::ReleaseStalledSlots() {
  bool lent = false;
  const auto now = steady_clock::now();
  for (RunningJob* running : running_) {
    if (!running->has_slot) continue;
    const auto age = std::chrono::duration_cast<milliseconds>(now - running->begun);
    const milliseconds silence =
        running->fd < 0 ? age : std::min(age, options_.silence_of(running->fd));
    if (silence < options_.stalled_after && age < options_.slot_limit) continue;
    ReleaseSlot(running);
    WakeThread();
    lent = true;
  }
  return lent;
}

void ConnectorPool::MonitorLoop() {
  while (true) {
    bool lent = false;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && slots_taken_ == 0) monitor_wanted_.Wait(&mutex_);
      if (stopping_) return;
      monitor_wanted_.WaitUntil(&mutex_, steady_clock::now() + kMonitorInterval);
      lent = ReleaseStalledSlots();
    }
    if (lent) on_room_();
  }
}

}  // namespace longshore
