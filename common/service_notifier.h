// Tells systemd how a service stands, as sd_notify(3) says: the unit has Type=notify, and
// WatchdogSec if it is to be started again when it hangs.
#ifndef LONGSHORE_COMMON_SERVICE_NOTIFIER_H_
#define LONGSHORE_COMMON_SERVICE_NOTIFIER_H_

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "common/mutex.h"

namespace longshore {

struct ServiceState {
  // Whether what the program is there for goes on. What it needs from others, a database for
  // example, may be away: to be started again would not help against that.
  bool alive = true;
  std::string status;  // For people, a line: `systemctl status` shows it.
};

// Does nothing where nobody has set $NOTIFY_SOCKET, and sends no pings without $WATCHDOG_USEC. What
// it sends waits while systemd reads nothing. Ready and Stopping are called by one thread.
class ServiceNotifier {
 public:
  // `look` is called by Ready and, until the destructor, by a thread of the notifier's, so it is
  // thread-safe. While it says that the program is not alive, or does not return, there are no
  // pings.
  explicit ServiceNotifier(std::function<ServiceState()> look);
  ~ServiceNotifier();
  ServiceNotifier(const ServiceNotifier&) = delete;
  ServiceNotifier& operator=(const ServiceNotifier&) = delete;

  // The service serves from here on. From now on each ping, two in WATCHDOG_USEC, has the status of
  // that moment with it.
  void Ready() ABSL_LOCKS_EXCLUDED(mutex_);
  // It comes to its end by itself. Pings go on.
  void Stopping(const std::string& status) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Watch(std::chrono::microseconds interval) ABSL_LOCKS_EXCLUDED(mutex_);
  void Ping() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::function<ServiceState()> look_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;  // The service.
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;     // This notifier.
  std::thread thread_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SERVICE_NOTIFIER_H_
