// What the commands with --wait and --follow share: waiting for payloads.
#ifndef LONGSHORE_CLI_AWAIT_H_
#define LONGSHORE_CLI_AWAIT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/session.h"
#include "cli/shared_options.h"

namespace longshore::cli {

// The payloads to wait for.
struct Awaited {
  // Their deployment; 0 when they may be of several.
  int64_t deployment_id = 0;
  std::vector<int64_t> payload_ids;
  // They are only delivered, so TRANSFERRED is their end.
  bool until_transferred = false;
};

// Follows the payloads to their end and prints them. Returns the exit status.
absl::StatusOr<int> Await(const Awaited& awaited, const WaitOptions& options, Session* session);

// Prints what was accepted, or follows it, as `options` say. Returns the exit status.
absl::StatusOr<int> Accepted(const v1::DeployPayloadResponse& response, bool execute,
                             const WaitOptions& options, Session* session);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_AWAIT_H_
