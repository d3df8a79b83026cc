// A fixed set of threads that run closures in order of arrival.
#ifndef LONGSHORE_COMMON_WORK_QUEUE_H_
#define LONGSHORE_COMMON_WORK_QUEUE_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "common/mutex.h"

namespace longshore {

// Thread-safe. The destructor drops what has not been started and joins the threads.
class WorkQueue {
 public:
  explicit WorkQueue(int threads);
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  // Adds work. Never blocks; does nothing after Shutdown. The queue has no limit of its own, so the
  // caller limits what it adds.
  void Add(std::function<void()> work) ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops what has not been started and waits for what has.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::function<void()>> pending_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_WORK_QUEUE_H_
