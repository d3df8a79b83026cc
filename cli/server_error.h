// What the end of a call says: whether the api_server answered, and to which exit status it leads.
#ifndef LONGSHORE_CLI_SERVER_ERROR_H_
#define LONGSHORE_CLI_SERVER_ERROR_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace longshore::cli {

// Whether the api_server itself gave this status, rather than gRPC for want of it.
bool IsAnswer(const grpc::Status& status);

// The error with its details: kExitRefused for an answer, kExitNotReached without one.
absl::Status ServerError(const grpc::Status& status);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SERVER_ERROR_H_
