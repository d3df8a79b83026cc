// Opens TCP connections that notice when their other end is gone.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_TCP_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_TCP_H_

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/networks.h"

namespace longshore::ssh {

// Connects to the first address of `host` that is one of `allowed` and answers within `limit`. The
// caller owns the descriptor. Blocks. Errors: Unreachable.
absl::StatusOr<int> TcpConnect(const std::string& host, int port, const Networks& allowed,
                               std::chrono::milliseconds limit);

// Returns the first address of `host` that is one of `allowed`, as numbers. Blocks. Errors:
// Unreachable.
absl::StatusOr<std::string> ResolveAllowed(const std::string& host, int port,
                                           const Networks& allowed);

// Returns an error when `host`, which another host is to dial, is an address in numbers and not one
// of `allowed`. A name is resolved over there, and not known here. Errors: Unreachable.
absl::Status CheckIfNumeric(const std::string& host, const Networks& allowed);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_TCP_H_
