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

// Jobs that wait for a place: enough that none is idle for a round trip to the server.
constexpr int kQueuedPerPlace = 2;
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

struct ConnectorPool::Running {
  Running(ConnectorPool* pool, bool failed_before)
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
  bool has_place = true;
};

ConnectorPool::ConnectorPool(ConnectorPoolOptions options, std::function<void()> on_room)
    : options_(WithDefaults(std::move(options))),
      on_room_(std::move(on_room)),
      monitor_([this] { Monitor(); }) {}

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
  Begin();
}

int ConnectorPool::Room() {
  MutexLock lock(&mutex_);
  const int in_hand = static_cast<int>(running_.size() + fresh_.size() + failed_before_.size());
  const int soon =
      options_.places * kQueuedPerPlace - places_taken_ - static_cast<int>(fresh_.size());
  return std::max(0, std::min(soon, options_.max_threads * kQueuedPerPlace - in_hand));
}

bool ConnectorPool::TakeNext(Waiting* next) {
  if (places_taken_ >= options_.places) return false;
  // Those that wait for hosts which did not answer before leave half of the threads to the others.
  const bool another_failed = !failed_before_.empty() &&
                              places_of_failed_ < std::max(1, options_.places / 4) &&
                              running_of_failed_ < std::max(1, options_.max_threads / 2);
  if (fresh_.empty() && !another_failed) return false;
  std::deque<Waiting>& queue = fresh_.empty() ? failed_before_ : fresh_;
  *next = std::move(queue.front());
  queue.pop_front();
  return true;
}

void ConnectorPool::Begin() {
  const bool work = !fresh_.empty() || !failed_before_.empty();
  if (!work || places_taken_ >= options_.places || stopping_) return;
  if (idle_ > 0) {
    changed_.NotifyOne();
  } else if (static_cast<int>(threads_.size()) < options_.max_threads) {
    ++idle_;
    threads_.emplace_back([this] { Work(); });
  }
}

void ConnectorPool::GiveUpPlace(Running* running) {
  if (!running->has_place) return;
  running->has_place = false;
  --places_taken_;
  if (running->has_failed_before) --places_of_failed_;
}

void ConnectorPool::Work() {
  while (true) {
    Waiting next;
    std::unique_ptr<Running> running;
    std::list<Running*>::iterator self;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && !TakeNext(&next)) changed_.Wait(&mutex_);
      if (stopping_) return;
      --idle_;
      ++places_taken_;
      if (next.has_failed_before) {
        ++places_of_failed_;
        ++running_of_failed_;
      }
      running = std::make_unique<Running>(this, next.has_failed_before);
      self = running_.insert(running_.end(), running.get());
      Begin();  // There may be a place for another.
    }
    monitor_wanted_.NotifyOne();
    next.job([&running](int fd) { running->SetSocket(fd); });
    next.job = nullptr;
    {
      MutexLock lock(&mutex_);
      GiveUpPlace(running.get());
      if (running->has_failed_before) --running_of_failed_;
      running_.erase(self);
      ++idle_;
      Begin();
    }
    on_room_();
  }
}

bool ConnectorPool::LendPlaces() {
  bool lent = false;
  const auto now = steady_clock::now();
  for (Running* running : running_) {
    if (!running->has_place) continue;
    const auto age = std::chrono::duration_cast<milliseconds>(now - running->begun);
    const milliseconds silence =
        running->fd < 0 ? age : std::min(age, options_.silence_of(running->fd));
    if (silence < options_.stalled_after && age < options_.place_limit) continue;
    GiveUpPlace(running);
    Begin();
    lent = true;
  }
  return lent;
}

void ConnectorPool::Monitor() {
  while (true) {
    bool lent = false;
    {
      MutexLock lock(&mutex_);
      while (!stopping_ && places_taken_ == 0) monitor_wanted_.Wait(&mutex_);
      if (stopping_) return;
      monitor_wanted_.WaitUntil(&mutex_, steady_clock::now() + kMonitorInterval);
      lent = LendPlaces();
    }
    if (lent) on_room_();
  }
}

}  // namespace longshore
