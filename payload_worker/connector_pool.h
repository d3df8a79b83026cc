// The threads that connect to instances. A place is for a connection that gets on; one that waits
// for its instance lends its place to the next, so that hosts that do not answer delay nobody
// else's.
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
  int slots = 64;          // Connections that get on, at a time.
  int max_threads = 1024;  // Those that wait for their instances besides.
  // A connection whose instance has said nothing for so long waits; one that takes so long in all
  // has no place any more, whatever the instance says.
  std::chrono::milliseconds stalled_after{250};
  std::chrono::milliseconds slot_limit{5000};
  // How long nothing has come on a socket. For tests.
  std::function<std::chrono::milliseconds(int fd)> silence_of;
};

// Thread-safe. Its threads are made as they are needed and joined by Shutdown.
class ConnectorPool {
 public:
  // The job calls it on its own thread when it begins to wait for `fd`, and with -1 before it
  // closes that. The pool only asks how silent the socket is.
  using OnSocket = std::function<void(int fd)>;
  using Job = std::function<void(const OnSocket& on_socket)>;

  // `on_room` is called, without any lock held, when there may be room for another job.
  ConnectorPool(ConnectorPoolOptions options, std::function<void()> on_room);
  ~ConnectorPool();
  ConnectorPool(const ConnectorPool&) = delete;
  ConnectorPool& operator=(const ConnectorPool&) = delete;

  // Never blocks. A job for what has failed before comes after the others, and such jobs have a
  // quarter of the slots between them.
  void Add(Job job, bool has_failed_before) ABSL_LOCKS_EXCLUDED(mutex_);
  // How many more jobs would begin soon, besides those that have failed before.
  int Room() ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops what has not begun, waits for what has.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct RunningJob;
  struct QueuedJob {
    Job job;
    bool has_failed_before;
  };

  // Takes the next job that may begin; false when none may.
  bool TakeNext(QueuedJob* next) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Lets idle threads look, and makes one more when there is work for it.
  void WakeThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ConnectorLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Lends the slots of those that wait.
  void MonitorLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  bool ReleaseStalledSlots() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReleaseSlot(RunningJob* running) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const ConnectorPoolOptions options_;
  const std::function<void()> on_room_;
  Mutex mutex_;
  CondVar changed_;         // For the workers: there may be a job to take.
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
