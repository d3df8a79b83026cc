// Interprets the end of a call: whether the api_server answered, and which exit status that leads
// to.
#ifndef LONGSHORE_CLI_SERVER_ERROR_H_
#define LONGSHORE_CLI_SERVER_ERROR_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace longshore::cli {

// Returns whether the api_server itself sent this status, rather than gRPC because there was no
// answer.
bool IsAnswer(const grpc::Status& status);

// Returns the error with its details and its exit status: kExitRefused for an answer,
// kExitNotReached without one.
absl::Status ServerError(const grpc::Status& status);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SERVER_ERROR_H_
