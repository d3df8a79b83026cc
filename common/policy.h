// The figures that Longshore goes by: one place for those that flags, options and tests share. Each
// says where it comes from. A figure that only one file needs stays in that file.
#ifndef LONGSHORE_COMMON_POLICY_H_
#define LONGSHORE_COMMON_POLICY_H_

#include <chrono>
#include <cstdint>

namespace longshore::policy {

// The default of --delivery_timeout (docs/api.md, "Delivery"): how long a script may wait for its
// instance before the payload fails, and how long contact may be lost once the script runs.
inline constexpr std::chrono::seconds kDeliveryTimeout{3600};

// The default of --default_payload_timeout and --max_payload_timeout (docs/api.md, "Timeout").
inline constexpr std::chrono::seconds kDefaultPayloadTimeout{300};
inline constexpr std::chrono::seconds kMaxPayloadTimeout{86400};

// The default of --execution_grace (docs/operations.md): how long past its timeout the server ends
// an execution that its instance has not ended. An instance that works needs 5 s, from TERM to
// KILL, and the time to tell.
inline constexpr std::chrono::seconds kExecutionGrace{60};

// How long an instance may take to be provisioned, from its first try. Each try has the worker's
// --provision_timeout (docs/instances.md).
inline constexpr std::chrono::seconds kProvisionTimeLimit{3600};

// The default of --lease_duration_ms (docs/adr/0005-lease-of-ten-seconds.md).
inline constexpr std::chrono::milliseconds kLeaseDuration{10000};

// The default of --max_payload_bytes: the largest script (docs/api.md, "DeployPayload").
inline constexpr int64_t kMaxPayloadBytes = 2097152;

// The default of --max_output_bytes: what is stored of one output (docs/api.md, "Output").
inline constexpr int64_t kMaxOutputBytes = 1048576;

// The default of --max_running_per_instance (docs/api.md, "Delivery").
inline constexpr int kMaxRunningPerInstance = 8;

// The default of --database_connections.
inline constexpr int kDatabaseConnections = 12;

// How often whoever waits for notifications looks by itself, in case one was lost. In the normal
// path a notification comes first, so this only bounds how late something can be.
inline constexpr std::chrono::milliseconds kSafetyPoll{15000};

// How soon a loop looks again at what is due and could not be taken, so that it never spins.
inline constexpr std::chrono::milliseconds kShortestWait{20};

// How long requests and streams may take to end when an api_server drains (docs/operations.md,
// "Stopping").
inline constexpr std::chrono::milliseconds kDrainTimeout{10000};
// After this an api_server that drains exits all the same: two drain timeouts, one for each port,
// and a database that answers slowly.
inline constexpr std::chrono::seconds kDrainLimit{30};

}  // namespace longshore::policy

#endif  // LONGSHORE_COMMON_POLICY_H_
