// The descriptors of the API with the comments of the .proto files, which compiled ones lack.
#ifndef LONGSHORE_API_SERVER_HTTP_API_DESCRIPTORS_H_
#define LONGSHORE_API_SERVER_HTTP_API_DESCRIPTORS_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

namespace longshore::api_http {

// Returns the method, for example "PayloadService.GetPayloadStatus", which must be there.
const google::protobuf::MethodDescriptor& DescribedMethod(std::string_view name);

// Returns the comment before a descriptor, or behind it on its line, as one paragraph; empty when
// it has none.
template <typename Descriptor>
std::string CommentOf(const Descriptor& descriptor);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_API_DESCRIPTORS_H_
