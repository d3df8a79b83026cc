#include "payload_worker/ssh/watchdog.h"

#include <sys/socket.h>

#include <algorithm>

namespace longshore::ssh {

using std::chrono::steady_clock;

Watchdog::Watchdog() : thread_([this] { WatchLoop(); }) {}

Watchdog::~Watchdog() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  thread_.join();
}

Watchdog::Guard::Guard(Watchdog* watchdog, int fd, std::chrono::milliseconds limit)
    : watchdog_(*watchdog) {
  MutexLock lock(&watchdog_.mutex_);
  key_ = watchdog_.next_key_++;
  watchdog_.entries_[key_] = {.fd = fd, .deadline = steady_clock::now() + limit};
  watchdog_.changed_.NotifyAll();
}

Watchdog::Guard::~Guard() {
  MutexLock lock(&watchdog_.mutex_);
  watchdog_.entries_.erase(key_);
}

bool Watchdog::Guard::Expired() const {
  MutexLock lock(&watchdog_.mutex_);
  return watchdog_.entries_.at(key_).expired;
}

void Watchdog::WatchLoop() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    auto next = steady_clock::time_point::max();
    const auto now = steady_clock::now();
    for (auto& [key, entry] : entries_) {
      if (entry.expired) continue;
      if (entry.deadline <= now) {
        entry.expired = true;
        shutdown(entry.fd, SHUT_RDWR);
      } else {
        next = std::min(next, entry.deadline);
      }
    }
    if (next == steady_clock::time_point::max()) {
      changed_.Wait(&mutex_);
    } else {
      changed_.WaitUntil(&mutex_, next);
    }
  }
}

}  // namespace longshore::ssh
