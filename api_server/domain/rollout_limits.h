// The rules of DeployPayloadRequest.rollout, and what it comes to for so many payloads.
#ifndef LONGSHORE_API_SERVER_DOMAIN_ROLLOUT_LIMITS_H_
#define LONGSHORE_API_SERVER_DOMAIN_ROLLOUT_LIMITS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "longshore/v1/deployment.pb.h"
#include "storage/deployment_store.h"

namespace longshore::domain {

inline constexpr int kMaxWaves = 100;
inline constexpr int kMaxWavePause = 7 * 24 * 3600;  // Seconds.

// Errors are those of errors.h.
absl::Status CheckRollout(const v1::Rollout& rollout);

// Returns the limits of a deployment of `payloads` payloads, without the script of the check. A
// percentage is rounded up. Waves that go no further than the one before are left out.
storage::RolloutLimits ResolveRollout(const v1::Rollout& rollout, int64_t payloads);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_ROLLOUT_LIMITS_H_
