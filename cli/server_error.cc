#include "cli/server_error.h"

#include "cli/errors.h"
#include "common/grpc_status.h"
#include "common/status.h"

namespace longshore::cli {

bool IsAnswer(const grpc::Status& status) {
  // The api_server attaches details to every error; gRPC never does.
  if (!status.error_details().empty()) return true;
  return status.error_code() != grpc::StatusCode::UNAVAILABLE &&
         status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED &&
         status.error_code() != grpc::StatusCode::CANCELLED;
}

absl::Status ServerError(const grpc::Status& status) {
  if (IsAnswer(status)) return WithExitStatus(FromGrpcStatus(status), kExitRefused);
  // A watch that has waited for long enough cancels its call.
  const absl::Status error =
      status.error_code() == grpc::StatusCode::UNAVAILABLE
          ? absl::UnavailableError("the api_server is not reached: " + status.error_message())
          : absl::DeadlineExceededError("the api_server did not answer within --deadline");
  return WithExitStatus(WithReason(error, "SERVER_NOT_REACHED"), kExitNotReached);
}

}  // namespace longshore::cli
