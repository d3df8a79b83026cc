// Ends calls of libssh that would wait for ever: shuts their socket down at a deadline.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_WATCHDOG_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_WATCHDOG_H_

#include <chrono>
#include <map>
#include <thread>

#include "common/mutex.h"

namespace longshore::ssh {

// Thread-safe; it has one thread. The SFTP calls of libssh 0.10 ignore the session's timeout when
// the link is silent, but they return when their socket is shut down.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();

  // While a Guard exists the watchdog shuts `fd` down at the deadline. The fd must stay open as
  // long as the Guard exists.
  class Guard {
   public:
    Guard(Watchdog* watchdog, int fd, std::chrono::milliseconds limit);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // Returns true once the deadline has passed.
    bool Expired() const;

   private:
    Watchdog& watchdog_;
    int64_t key_;
  };

 private:
  struct Entry {
    int fd;
    std::chrono::steady_clock::time_point deadline;
    bool expired = false;
  };
  void WatchLoop() ABSL_LOCKS_EXCLUDED(mutex_);

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<int64_t, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  int64_t next_key_ ABSL_GUARDED_BY(mutex_) = 1;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_WATCHDOG_H_
