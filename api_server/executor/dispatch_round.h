// One round of the task executor: which steps it takes, in which order, and how long nothing is due
// after it.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_DISPATCH_ROUND_H_
#define LONGSHORE_API_SERVER_EXECUTOR_DISPATCH_ROUND_H_

#include <chrono>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore::executor {

// The steps of a round. Called by one thread. Errors of each are those of the database.
class DispatchSteps {
 public:
  virtual ~DispatchSteps() = default;
  // Claims the due tasks of payloads and sends them to workers.
  virtual absl::Status ClaimTasks() = 0;
  // Returns true when a rollout is under way, so that there may be more to claim.
  virtual absl::StatusOr<bool> AdvanceRollouts() = 0;
  virtual absl::Status ClaimProvisions() = 0;
  virtual absl::Status DoHousekeeping() = 0;
  // The time until the next thing is due; nullopt when there is nothing.
  virtual absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue() = 0;
  // Returns true when some worker would take another task.
  virtual bool HasCredit() = 0;
};

// Not thread-safe.
class DispatchRound {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // `steps` outlives the round. `now` is replaced in tests only.
  explicit DispatchRound(DispatchSteps* steps, Clock now = std::chrono::steady_clock::now);

  // Claims first, because workers wait for that. A step that fails because of a row is logged, and
  // the round goes on; any other error, that of a database that is away, ends it and is returned.
  // Returns how long there is nothing to do.
  absl::StatusOr<std::chrono::milliseconds> Do();

 private:
  DispatchSteps& steps_;
  const Clock now_;
  std::chrono::steady_clock::time_point next_housekeeping_{};
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_DISPATCH_ROUND_H_
