#include "common/abseil_checks.h"

#include "absl/synchronization/mutex.h"

namespace longshore {

void SkipLockOrderChecks() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace longshore
