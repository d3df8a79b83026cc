// The one place where an absl::Status becomes a grpc::Status and the other way round, details
// included.
#ifndef LONGSHORE_COMMON_GRPC_STATUS_H_
#define LONGSHORE_COMMON_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace longshore {

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_GRPC_STATUS_H_
