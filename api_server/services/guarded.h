// Between gRPC and the access guard.
#ifndef LONGSHORE_API_SERVER_SERVICES_GUARDED_H_
#define LONGSHORE_API_SERVER_SERVICES_GUARDED_H_

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "api_server/access/guard.h"
#include "api_server/domain/caller.h"
#include "common/grpc_status.h"
#include "common/log_fields.h"
#include "common/trace_context.h"

namespace longshore::services {

// Returns the call for the guard. Its authorization headers are its own, whoever else uses the
// connection.
access::Call CallOf(const grpc::ServerContextBase& context, std::string method,
                    const google::protobuf::Message& request);

// Finds out who makes a call, and whether they may. It may wait for the database.
using Admission = std::function<absl::StatusOr<domain::Caller>()>;

// For a call that is answered later than its handler returns.
Admission AdmissionOf(access::Guard* guard, const grpc::ServerContextBase& context,
                      std::string method, const google::protobuf::Message& request);

// Answers a call of `method` (api_server/access/permissions.h) by `handler`, which gets the caller,
// if the caller may make it.
template <typename Response, typename Handler>
grpc::Status Guarded(access::Guard& guard, const grpc::ServerContextBase& context,
                     std::string method, const google::protobuf::Message& request,
                     Response* response, const Handler& handler) {
  const access::Call call = CallOf(context, std::move(method), request);
  const absl::StatusOr<domain::Caller> caller = guard.Admit(call);
  if (!caller.ok()) return ToGrpcStatus(caller.status());
  // What is logged in its course says who asked.
  std::vector<LogField> fields{
      {"principal", caller->name}, {"token_id", caller->token_id}, {"method", caller->method}};
  AddTraceId(caller->traceparent, &fields);
  const LogFields who(std::move(fields));
  absl::StatusOr<Response> result = handler(*caller);
  if (!result.ok()) {
    guard.NoteFailure(*caller, call, result.status());
    return ToGrpcStatus(result.status());
  }
  *response = *std::move(result);
  return grpc::Status::OK;
}

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_GUARDED_H_
