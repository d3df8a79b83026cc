// Follows payloads and instances to their end, however often the connection breaks. patience.h says
// when a silent api_server is given up.
#ifndef LONGSHORE_CLI_FOLLOW_H_
#define LONGSHORE_CLI_FOLLOW_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "longshore/v1/instance_service.pb.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::cli {

// What is called at each event, by one thread at a time.
struct FollowHandlers {
  std::function<void(const v1::Payload& payload)> on_status;
  std::function<void(int64_t payload_id, int64_t offset, std::string_view data)> on_output;
};

struct FollowOptions {
  int64_t output_offset = 0;
  // TRANSFERRED is the end, because nobody has asked to run the payloads.
  bool until_transferred = false;
};

// Follows payloads with their output. Returns the last state of each, in the order of `ids`, or the
// first error that is not a passing one.
absl::StatusOr<std::vector<v1::Payload>> FollowPayloads(Client* client,
                                                        const std::vector<int64_t>& ids,
                                                        const FollowOptions& options,
                                                        const FollowHandlers& handlers);

// Does the same for payloads of one deployment, without their output, over one WatchDeployment
// stream.
absl::StatusOr<std::vector<v1::Payload>> FollowDeployment(Client* client, int64_t deployment_id,
                                                          const std::vector<int64_t>& ids,
                                                          const FollowOptions& options,
                                                          const FollowHandlers& handlers);

// Waits until every instance is READY, FAILED or TERMINATED. Returns them in the order of `ids`.
absl::StatusOr<std::vector<v1::Instance>> FollowInstances(Client* client,
                                                          const std::vector<int64_t>& ids);

// Passes every event of WatchDeployment to `on_event`, until that returns false or the stream ends.
// After a broken connection the events begin again. Errors: those that are not passing ones.
absl::Status WatchDeploymentEvents(Client* client, int64_t deployment_id,
                                   const std::function<bool(const v1::DeploymentEvent&)>& on_event);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_FOLLOW_H_
