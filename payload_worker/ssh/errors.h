// The errors on the way to an instance, as absl::Status whose reason (common/status.h) is the name
// of a FailureReason. Unavailable may be tried again; every other code is final.
#ifndef LONGSHORE_PAYLOAD_WORKER_SSH_ERRORS_H_
#define LONGSHORE_PAYLOAD_WORKER_SSH_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "common/status.h"

namespace longshore::ssh {

inline absl::Status Unreachable(const std::string& message) {
  return WithReason(absl::UnavailableError(message), "UNREACHABLE");
}
inline absl::Status HostKeyMismatch(const std::string& message) {
  return WithReason(absl::FailedPreconditionError(message), "HOST_KEY_MISMATCH");
}
inline absl::Status AuthenticationFailed(const std::string& message) {
  return WithReason(absl::PermissionDeniedError(message), "AUTHENTICATION_FAILED");
}
// `said`: what the instance answered.
inline absl::Status SudoRefused(const std::string& user, const std::string& said) {
  return AuthenticationFailed("'" + user +
                              "' may not become root by sudo without a password: " + said);
}
inline absl::Status TransferFailed(const std::string& message) {
  return WithReason(absl::InternalError(message), "TRANSFER_FAILED");
}
inline absl::Status RemotePathRefused(const std::string& message) {
  return WithReason(absl::FailedPreconditionError(message), "REMOTE_PATH_REFUSED");
}
inline absl::Status InternalFailure(const std::string& message) {
  return WithReason(absl::InternalError(message), "INTERNAL");
}

}  // namespace longshore::ssh

#endif  // LONGSHORE_PAYLOAD_WORKER_SSH_ERRORS_H_
