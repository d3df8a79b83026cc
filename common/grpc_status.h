// Converts absl::Status to grpc::Status and back, details included. Nothing else does so.
#ifndef LONGSHORE_COMMON_GRPC_STATUS_H_
#define LONGSHORE_COMMON_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace longshore {

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_GRPC_STATUS_H_
