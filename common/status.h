// Attaches google.rpc error details to an absl::Status, so that domain code can name an error
// without knowing gRPC.
#ifndef LONGSHORE_COMMON_STATUS_H_
#define LONGSHORE_COMMON_STATUS_H_

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace longshore {

inline constexpr char kErrorDomain[] = "longshore";

// Each returns `status` with one more detail; an OK status stays as it is.
absl::Status WithReason(absl::Status status, std::string_view reason);
absl::Status WithFieldViolation(absl::Status status, std::string_view field,
                                std::string_view description);
absl::Status WithRetryDelay(absl::Status status, std::chrono::milliseconds delay);
absl::Status WithResource(absl::Status status, std::string_view type, std::string_view name);

// Returns the reason that WithReason has set, or an empty string.
std::string ReasonOf(const absl::Status& status);

// Returns `status` as the message that gRPC carries in its status details.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// Returns the message of `status` as a std::string. Needed because Debian's Abseil has a
// string_view type of its own.
inline std::string ToString(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_STATUS_H_
