// One round of the task executor: which steps it takes, in which order, and how long nothing is due
// after it.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_DISPATCH_ROUND_H_
#define LONGSHORE_API_SERVER_EXECUTOR_DISPATCH_ROUND_H_

#include <atomic>
#include <chrono>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/policy.h"
#include "storage/lease_store.h"

namespace longshore::executor {

// The steps of a round. Called by one thread. Errors of each are those of the database.
class DispatchSteps {
 public:
  virtual ~DispatchSteps() = default;
  // Claims the due tasks of payloads and sends them to workers.
  virtual absl::Status ClaimTasks() = 0;
  // Lets tasks through the gates of rollouts, or stops them.
  virtual absl::Status AdvanceRollouts() = 0;
  virtual absl::Status ClaimProvisions() = 0;
  virtual absl::Status DoHousekeeping() = 0;
  virtual absl::StatusOr<storage::lease_store::Ahead> LookAhead() = 0;
  // Returns true when some worker would take another task.
  virtual bool HasCredit() = 0;
};

// Not thread-safe.
class DispatchRound {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  // `steps` outlives the round. `now` is replaced in tests only.
  explicit DispatchRound(DispatchSteps* steps, Clock now = std::chrono::steady_clock::now);

  // Claims first, because workers wait for that, and then takes only the steps that there is a
  // reason for. A step that fails because of a row is logged, and the round goes on; any other
  // error, that of a database that is away, ends it and is returned. Returns how long there is
  // nothing to do.
  absl::StatusOr<std::chrono::milliseconds> Do();

  // Returns true when a worker that would take another task is a reason for a round: the last one
  // may have left something for want of such a worker. Thread-safe.
  bool wants_credit() const { return wants_credit_; }

 private:
  // Takes the steps that `ahead` is a reason for. Returns whether there were any.
  absl::StatusOr<bool> TakeSteps(const storage::lease_store::Ahead& ahead);

  DispatchSteps& steps_;
  std::atomic<bool> wants_credit_ = true;
  const Clock now_;
  std::chrono::milliseconds shortest_wait_ = policy::kShortestWait;
  std::chrono::steady_clock::time_point next_housekeeping_{};       // If something is overdue.
  std::chrono::steady_clock::time_point next_full_housekeeping_{};  // In any case.
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_DISPATCH_ROUND_H_
