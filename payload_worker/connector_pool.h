// The threads that connect to instances. A job takes a slot while its connection makes progress. A
// job that only waits for its instance gives its slot up to the next job, so that hosts that do not
// answer do not delay the others.
#ifndef LONGSHORE_PAYLOAD_WORKER_CONNECTOR_POOL_H_
#define LONGSHORE_PAYLOAD_WORKER_CONNECTOR_POOL_H_

#include <chrono>
#include <deque>
#include <functional>
#include <list>
#include <thread>
#include <vector>

#include "common/mutex.h"

namespace longshore {

struct ConnectorPoolOptions {
  int slots = 64;          // How many connections may make progress at a time.
  int max_threads = 1024;  // For all running jobs, with those that gave up their slots.
  // A job gives its slot up when its instance has sent nothing for `stalled_after`, or when the job
  // has run for `slot_limit` in all.
  std::chrono::milliseconds stalled_after{250};
  std::chrono::milliseconds slot_limit{5000};
  // Returns how long nothing has come on a socket. Replaced in tests only.
  std::function<std::chrono::milliseconds(int fd)> silence_of;
};

// Thread-safe. Threads are started as they are needed and joined by Shutdown.
class ConnectorPool {
 public:
  // A job calls it on its own thread: with `fd` when it begins to wait for that socket, and with -1
  // before it closes the socket. The pool only asks how long the socket has been silent.
  using OnSocket = std::function<void(int fd)>;
  using Job = std::function<void(const OnSocket& on_socket)>;

  // Calls `on_room`, without any lock held, when there may be room for another job.
  ConnectorPool(ConnectorPoolOptions options, std::function<void()> on_room);
  ~ConnectorPool();
  ConnectorPool(const ConnectorPool&) = delete;
  ConnectorPool& operator=(const ConnectorPool&) = delete;

  // Adds a job. Never blocks. Jobs for tasks that have failed before run after all others, and they
  // use a quarter of the slots at most.
  void Add(Job job, bool has_failed_before) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns how many more jobs the pool can take so that they begin soon, not counting jobs that
  // have failed before.
  int Room() ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops the jobs that have not begun and waits for the others.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct RunningJob;
  struct QueuedJob {
    Job job;
    bool has_failed_before;
  };

  // Takes the next job that may begin. Returns false when there is none.
  bool TakeNext(QueuedJob* next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Wakes an idle thread, or starts another one, if there is work for it.
  void WakeThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ConnectorLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Takes slots from jobs that wait for their instances, until Shutdown.
  void MonitorLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  bool ReleaseStalledSlots() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseSlot(RunningJob* running) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ConnectorPoolOptions options_;
  const std::function<void()> on_room_;
  Mutex mutex_;
  CondVar changed_;         // For the connector threads: there may be a job to take.
  CondVar monitor_wanted_;  // For the monitor.
  std::deque<QueuedJob> fresh_ ABSL_GUARDED_BY(mutex_);
  std::deque<QueuedJob> failed_before_ ABSL_GUARDED_BY(mutex_);
  std::list<RunningJob*> running_ ABSL_GUARDED_BY(mutex_);
  int slots_taken_ ABSL_GUARDED_BY(mutex_) = 0;
  int slots_of_failed_ ABSL_GUARDED_BY(mutex_) = 0;    // Of slots_taken_.
  int running_of_failed_ ABSL_GUARDED_BY(mutex_) = 0;  // Of running_.
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;               // Threads without a job.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  std::thread monitor_;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_CONNECTOR_POOL_H_
