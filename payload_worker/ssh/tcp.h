// Opens TCP connections that notice when their other end is gone.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_TCP_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_TCP_H_

#include <chrono>
#include <string>

#include "absl/status/statusor.h"

namespace longshore::ssh {

// Connects to the first address of `host` that answers within `limit`. The caller owns the
// descriptor. Blocks. Errors: Unreachable.
absl::StatusOr<int> TcpConnect(const std::string& host, int port, std::chrono::milliseconds limit);

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_TCP_H_
