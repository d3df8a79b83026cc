// Messages as JSON and back, by their descriptors. The style, in both directions:
//
//   fields        by their names in the .proto files; unset optional ones and messages are left
//   out,
//                 as are enums without a value
//   int64, int32  numbers
//   enums         lower case, without the prefix: PAYLOAD_STATUS_COMPLETED is "completed"
//   bytes         base64
//   Duration      seconds: "5.321s"
//   Timestamp     RFC 3339, in UTC: "2026-01-31T12:00:00.5Z"
//   FieldMask     "name,tags"
//   Any           the message in it, with its type as "@type"
//   repeated      an array, also when it is empty; a map is an object (and is not read)
#ifndef LONGSHORE_API_SERVER_HTTP_JSON_MAPPER_H_
#define LONGSHORE_API_SERVER_HTTP_JSON_MAPPER_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "api_server/http/json_reader.h"

namespace longshore::api_http {

// Returns null for an Any of an unknown type.
Json ToJson(const google::protobuf::Message& message);

// Returns the text of `json`. What is no UTF-8 in it is replaced.
std::string Text(const Json& json);

// Sets the fields of `message`, which is empty, that are members of `json`; null means unset.
// Errors: InvalidArgument with a field violation for the first member that no field is called, or
// that has not its form.
absl::Status FromJson(const Json& json, google::protobuf::Message* message);

// The same for one field, not a message, whose value is written as in a query: page_size=10. A
// repeated field gets one value more.
absl::Status SetFromText(std::string_view name, const std::string& text,
                         google::protobuf::Message* message);

// Returns the value of an enum as it is written in JSON.
std::string EnumText(const google::protobuf::EnumValueDescriptor& value);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_JSON_MAPPER_H_
