#include "api_server/executor/dispatch_round.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "common/policy.h"
#include "common/status_macros.h"
#include "storage/isolate.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kHousekeepingInterval{1000};
// For what LookAhead does not see: deadlines of tasks that are held, or provision an instance.
constexpr milliseconds kFullHousekeepingInterval{5000};

// Logs the fault of a row; returns any other error.
absl::Status LogRowFault(const char* step, const absl::Status& status) {
  if (!storage::IsRowFault(status)) return status;
  LOG(ERROR) << "task executor: " << step << ": " << status;
  return absl::OkStatus();
}

}  // namespace

DispatchRound::DispatchRound(DispatchSteps* steps, Clock now)
    : steps_(*steps), now_(std::move(now)) {}

absl::StatusOr<milliseconds> DispatchRound::Do() {
  // Credit that comes from now on may come too late for this round.
  wants_credit_ = true;
  RETURN_IF_ERROR(LogRowFault("claims", steps_.ClaimTasks()));
  ASSIGN_OR_RETURN(auto ahead, steps_.LookAhead());
  ASSIGN_OR_RETURN(const bool changed, TakeSteps(ahead));
  if (changed) {
    ASSIGN_OR_RETURN(ahead, steps_.LookAhead());
  }
  // Credit wakes the loop if there is none now; what is due without any can wait for it.
  const bool has_credit = steps_.HasCredit();
  wants_credit_ = !has_credit;
  const milliseconds next_due = ahead.next_due.value_or(policy::kSafetyPoll);
  // What is due and was left may be of a project that no connected worker takes: it is looked at
  // less and less often.
  const milliseconds shortest = has_credit ? shortest_wait_ : kHousekeepingInterval;
  shortest_wait_ = next_due.count() > 0 ? policy::kShortestWait
                                        : std::min(2 * shortest_wait_, kHousekeepingInterval);
  return std::clamp(next_due, shortest, policy::kSafetyPoll);
}

absl::StatusOr<bool> DispatchRound::TakeSteps(const storage::lease_store::Ahead& ahead) {
  bool any = false;
  if (ahead.rollouts) {
    any = true;
    RETURN_IF_ERROR(LogRowFault("rollouts", steps_.AdvanceRollouts()));
    // What has just come through a gate is due now.
    RETURN_IF_ERROR(LogRowFault("claims", steps_.ClaimTasks()));
  }
  if (ahead.provisions) {
    any = true;
    RETURN_IF_ERROR(LogRowFault("provisioning", steps_.ClaimProvisions()));
  }
  const auto now = now_();
  if (now >= next_full_housekeeping_ || (ahead.overdue && now >= next_housekeeping_)) {
    any = true;
    const absl::Status status = steps_.DoHousekeeping();
    next_housekeeping_ = now_() + kHousekeepingInterval;
    next_full_housekeeping_ = now_() + kFullHousekeepingInterval;
    RETURN_IF_ERROR(LogRowFault("housekeeping", status));
  }
  return any;
}

}  // namespace longshore::executor
