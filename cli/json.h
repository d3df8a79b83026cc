// Messages and errors as JSON.
#ifndef LONGSHORE_CLI_JSON_H_
#define LONGSHORE_CLI_JSON_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"

namespace longshore::cli {

// Returns protojson on one line. It has all fields, under their names in the .proto files.
std::string ToJson(const google::protobuf::Message& message);
// Returns `json` on several lines, indented.
std::string IndentedJson(const std::string& json);
// Returns {"error": {"code": "NOT_FOUND", "reason": "PAYLOAD_NOT_FOUND", "message": "..."}}.
std::string ErrorToJson(const absl::Status& error);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_JSON_H_
