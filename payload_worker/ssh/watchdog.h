// Ends what libssh would wait for for ever: shuts a socket down at a deadline.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_WATCHDOG_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_WATCHDOG_H_

#include <chrono>
#include <map>
#include <thread>

#include "common/mutex.h"

namespace longshore::ssh {

// Thread-safe; one thread of its own. libssh 0.10's SFTP calls do not heed the session's timeout on
// a silent link; a socket that was shut down makes them return.
class Watchdog {
 public:
  Watchdog();
  ~Watchdog();

  // While it lives, the watchdog shuts `fd` down at the deadline. The fd must stay open as long.
  class Guard {
   public:
    Guard(Watchdog* watchdog, int fd, std::chrono::milliseconds limit);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    // True once the deadline has struck.
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
