// Has gRPC's health service say what /readyz says.
#ifndef LONGSHORE_API_SERVER_HEALTH_H_
#define LONGSHORE_API_SERVER_HEALTH_H_

#include <chrono>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/executor/round_loop.h"
#include "common/mutex.h"
#include "common/work_queue.h"

namespace longshore {

// Looks every two seconds. Thread-safe.
class Health {
 public:
  // Calls `set_serving` whenever `check` begins to succeed or to fail. A check that takes longer
  // than three seconds fails for as long as it takes. What is served at first is true.
  Health(std::function<absl::Status()> check, std::function<void(bool)> set_serving);
  ~Health() { Shutdown(); }

  // From now on nothing is served.
  void BeginDrain() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for the check under way.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  absl::StatusOr<std::chrono::milliseconds> Round() ABSL_LOCKS_EXCLUDED(mutex_);
  void Check() ABSL_LOCKS_EXCLUDED(mutex_);
  void SetServing(bool serving) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<absl::Status()> check_;
  const std::function<void(bool)> set_serving_;
  Mutex mutex_;
  CondVar checked_;
  bool checking_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_good_ ABSL_GUARDED_BY(mutex_) = true;
  bool serving_ ABSL_GUARDED_BY(mutex_) = true;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  WorkQueue work_{1};
  executor::RoundLoop loop_;
};

}  // namespace longshore

#endif  // LONGSHORE_API_SERVER_HEALTH_H_
