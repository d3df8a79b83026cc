// Limits and defaults that flags, options and tests share. Each says where it comes from. A number
// that only one file needs stays in that file.
#ifndef LONGSHORE_COMMON_POLICY_H_
#define LONGSHORE_COMMON_POLICY_H_

#include <chrono>
#include <cstdint>

namespace longshore::policy {

// The default of --delivery_timeout (docs/api.md, "Delivery"): how long a payload may wait for its
// instance before it fails, and how long contact may be lost while its script runs.
inline constexpr std::chrono::seconds kDeliveryTimeout{3600};

// The default of --default_payload_timeout and --max_payload_timeout (docs/api.md, "Timeout").
inline constexpr std::chrono::seconds kDefaultPayloadTimeout{300};
inline constexpr std::chrono::seconds kMaxPayloadTimeout{86400};

// The default of --execution_grace (docs/operations.md): how long after its timeout the api_server
// ends an execution that its instance has not ended. A working instance needs the 5 s from TERM to
// KILL, and the time to report the end.
inline constexpr std::chrono::seconds kExecutionGrace{60};

// How long the provisioning of an instance may take, counted from when its task can begin, that is,
// when the machine has been made. Each try also has the worker's --provision_timeout
// (docs/instances.md).
inline constexpr std::chrono::seconds kProvisionTimeLimit{3600};

// The default of --lease_duration_ms (docs/adr/0005-lease-of-ten-seconds.md).
inline constexpr std::chrono::milliseconds kLeaseDuration{10000};

// The default of --max_payload_bytes: the largest script (docs/api.md, "DeployPayload").
inline constexpr int64_t kMaxPayloadBytes = 2097152;

// The default of --max_output_bytes: how much of one output is stored (docs/api.md, "Output").
inline constexpr int64_t kMaxOutputBytes = 1048576;

// The default of --max_running_per_instance (docs/api.md, "Delivery").
inline constexpr int kMaxRunningPerInstance = 8;

// The pool of instances and workers that name no other (docs/instances.md, "Pools").
inline constexpr char kDefaultPool[] = "default";

// The default of --database_connections.
inline constexpr int kDatabaseConnections = 12;

// The default of --max_connection_age (docs/security.md): how long a connection, and the identity
// that was shown when it was made, may last.
inline constexpr std::chrono::seconds kMaxConnectionAge{3600};

// How often a listener looks for changes by itself, in case a notification was lost. Usually a
// notification comes first, so this only limits how late a change can be seen.
inline constexpr std::chrono::milliseconds kSafetyPoll{15000};

// How long a loop waits at least before it looks again at due work that it could not take, so that
// it never spins.
inline constexpr std::chrono::milliseconds kShortestWait{20};

// How long requests and streams may take to end while an api_server drains (docs/operations.md,
// "Stopping").
inline constexpr std::chrono::milliseconds kDrainTimeout{10000};
// After this time a draining api_server exits in any case: two drain timeouts, one for each port,
// and time for a slow database.
inline constexpr std::chrono::seconds kDrainLimit{30};

}  // namespace longshore::policy

#endif  // LONGSHORE_COMMON_POLICY_H_
