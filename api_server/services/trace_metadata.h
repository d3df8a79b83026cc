// W3C trace contexts in the metadata of calls.
#ifndef LONGSHORE_API_SERVER_SERVICES_TRACE_METADATA_H_
#define LONGSHORE_API_SERVER_SERVICES_TRACE_METADATA_H_

#include <grpcpp/support/string_ref.h>

#include <map>
#include <string>

namespace longshore::services {

// Returns the traceparent that a client sent; empty when there is none that is well formed, or
// more than one.
std::string TraceparentOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata);

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_TRACE_METADATA_H_
