// Waits for payloads on behalf of the commands that take --wait and --follow.
#ifndef LONGSHORE_CLI_AWAIT_H_
#define LONGSHORE_CLI_AWAIT_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/session.h"
#include "cli/shared_options.h"

namespace longshore::cli {

struct Awaited {
  // 0 when the payloads are not known to be of one.
  int64_t deployment_id = 0;
  std::vector<int64_t> payload_ids;
  // Nobody has asked to run them.
  bool until_transferred = false;
};

// Follows the payloads to their end and prints them; returns the exit status.
absl::StatusOr<int> Await(const Awaited& awaited, const WaitOptions& options, Session* session);

// Says what was accepted, or follows it as `options` ask; returns the exit status.
absl::StatusOr<int> Accepted(const v1::DeployPayloadResponse& response, bool execute,
                             const WaitOptions& options, Session* session);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_AWAIT_H_
