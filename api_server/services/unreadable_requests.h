// Answers requests that are no messages of their kind, which gRPC leaves without a word.
#ifndef LONGSHORE_API_SERVER_SERVICES_UNREADABLE_REQUESTS_H_
#define LONGSHORE_API_SERVER_SERVICES_UNREADABLE_REQUESTS_H_

#include <grpcpp/support/server_interceptor.h>

#include <memory>

namespace longshore::services {

// Makes the interceptor of a server that refuses such requests with INVALID_ARGUMENT, and names the
// field when a text is not UTF-8; gRPC itself says INTERNAL, or UNIMPLEMENTED of a watch.
// Protobuf's own messages go to glog from now on, in the whole process. Not to be called by two
// threads at once.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> RefuseUnreadableRequests();

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_UNREADABLE_REQUESTS_H_
