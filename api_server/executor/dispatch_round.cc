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
  RETURN_IF_ERROR(LogRowFault("claims", steps_.ClaimTasks()));
  const absl::StatusOr<bool> rollouts = steps_.AdvanceRollouts();
  RETURN_IF_ERROR(LogRowFault("rollouts", rollouts.status()));
  if (rollouts.ok() && *rollouts) {  // What has just come through a gate is due now.
    RETURN_IF_ERROR(LogRowFault("claims", steps_.ClaimTasks()));
  }
  RETURN_IF_ERROR(LogRowFault("provisioning", steps_.ClaimProvisions()));
  if (now_() >= next_housekeeping_) {
    const absl::Status status = steps_.DoHousekeeping();
    next_housekeeping_ = now_() + kHousekeepingInterval;
    RETURN_IF_ERROR(LogRowFault("housekeeping", status));
  }
  ASSIGN_OR_RETURN(const auto next, steps_.NextDue());
  // Credit wakes the loop; what is due without any can wait for it.
  const milliseconds shortest = steps_.HasCredit() ? policy::kShortestWait : kHousekeepingInterval;
  return std::clamp(next.value_or(policy::kSafetyPoll), shortest, policy::kSafetyPoll);
}

}  // namespace longshore::executor
