// A thread that does rounds of work and sleeps between them until a signal or the next due time.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_ROUND_LOOP_H_
#define LONGSHORE_API_SERVER_EXECUTOR_ROUND_LOOP_H_

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "common/mutex.h"
#include "common/turn_timer.h"

namespace longshore::executor {

// Thread-safe. It should be its owner's last member, because the destructor waits for a round that
// may use the other members.
class RoundLoop {
 public:
  // `round` returns how long there is nothing to do. An error is logged under `name`, and the round
  // is tried again with backoff.
  RoundLoop(std::string name, std::function<absl::StatusOr<std::chrono::milliseconds>()> round);
  ~RoundLoop();

  // Begins a round now, or another one after the round under way.
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns how long the round under way has taken until now; zero between rounds.
  std::chrono::nanoseconds RoundTaken() const { return timer_.Taken(); }
  // Waits for the round under way. No round begins after it.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::string name_;
  const std::function<absl::StatusOr<std::chrono::milliseconds>()> round_;
  TurnTimer timer_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_ROUND_LOOP_H_
