// Attaches google.rpc error details to an absl::Status, so that domain code can name an error
// without knowing gRPC.
#ifndef LONGSHORE_COMMON_STATUS_H_
#define LONGSHORE_COMMON_STATUS_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"

namespace longshore {

inline constexpr char kErrorDomain[] = "longshore";

// Each returns `status` with one detail more; does nothing to an OK status.
absl::Status WithReason(absl::Status status, std::string_view reason);
absl::Status WithFieldViolation(absl::Status status, std::string_view field,
                                std::string_view description);
absl::Status WithResource(absl::Status status, std::string_view type, std::string_view name);

// The reason given by WithReason; empty without one.
std::string ReasonOf(const absl::Status& status);

// `status` as the message that travels in gRPC's status details.
google::rpc::Status ToRpcStatus(const absl::Status& status);

// `text` as a std::string from Abseil's own string_view type (Debian builds it apart from std's).
inline std::string ToString(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_STATUS_H_
