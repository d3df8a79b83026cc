// Answers requests that are no messages of their kind, which gRPC leaves without a word.
#ifndef LONGSHORE_API_SERVER_SERVICES_UNREADABLE_REQUESTS_H_
#define LONGSHORE_API_SERVER_SERVICES_UNREADABLE_REQUESTS_H_

#include <grpcpp/server_builder.h>

namespace longshore::services {

// From now on a server that `builder` makes refuses such requests with INVALID_ARGUMENT, and names
// the field when a text is not UTF-8; gRPC itself says INTERNAL, or UNIMPLEMENTED of a watch.
// Protobuf's own messages go to glog in the whole process. Not to be called by two threads at once.
void RefuseUnreadableRequests(grpc::ServerBuilder* builder);

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_UNREADABLE_REQUESTS_H_
