// Between gRPC and the access guard.
#ifndef LONGSHORE_API_SERVER_SERVICES_GUARDED_H_
#define LONGSHORE_API_SERVER_SERVICES_GUARDED_H_

#include <grpcpp/server_context.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "api_server/access/guard.h"
#include "api_server/domain/caller.h"
#include "common/grpc_status.h"

namespace longshore::services {

// Returns the values of the call's authorization headers. They are the call's own, whoever else
// uses its connection.
std::vector<std::string> AuthorizationOf(const grpc::ServerContextBase& context);

// Finds out who makes a call, and whether they may. It may wait for the database.
using Admission = std::function<absl::StatusOr<domain::Caller>()>;

// For a call that is answered later than its handler returns.
Admission AdmissionOf(access::Guard* guard, const grpc::ServerContextBase& context,
                      std::string method);

// Answers a call of `method` (api_server/access/permissions.h) by `call`, which gets the caller, if
// the caller may make it.
template <typename Response, typename Call>
grpc::Status Guarded(access::Guard& guard, const grpc::ServerContextBase& context,
                     std::string_view method, Response* response, const Call& call) {
  const absl::StatusOr<domain::Caller> caller = guard.Admit(AuthorizationOf(context), method);
  if (!caller.ok()) return ToGrpcStatus(caller.status());
  absl::StatusOr<Response> result = call(*caller);
  if (!result.ok()) return ToGrpcStatus(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_GUARDED_H_
