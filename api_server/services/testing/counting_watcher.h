// A watcher for tests, which counts its wakes.
#ifndef LONGSHORE_API_SERVER_SERVICES_TESTING_COUNTING_WATCHER_H_
#define LONGSHORE_API_SERVER_SERVICES_TESTING_COUNTING_WATCHER_H_

#include <cstdint>
#include <set>

#include "api_server/services/watch_hub.h"
#include "common/mutex.h"

namespace longshore::services {

// Thread-safe.
class CountingWatcher : public Watcher {
 public:
  void Wake(const std::set<int64_t>* /*payload_ids*/) override {
    MutexLock lock(&mutex_);
    ++wakes_;
    changed_.NotifyAll();
    while (held_) changed_.Wait(&mutex_);
  }
  void Stop() override {
    MutexLock lock(&mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }

  // While it is held, its Wake does not return.
  void Hold(bool held) {
    MutexLock lock(&mutex_);
    held_ = held;
    changed_.NotifyAll();
  }
  // Waits until it has been woken `wakes` times since the beginning.
  void AwaitWakes(int wakes) {
    MutexLock lock(&mutex_);
    while (wakes_ < wakes) changed_.Wait(&mutex_);
  }
  int wakes() {
    MutexLock lock(&mutex_);
    return wakes_;
  }
  bool stopped() {
    MutexLock lock(&mutex_);
    return stopped_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int wakes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_TESTING_COUNTING_WATCHER_H_
