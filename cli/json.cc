#include "cli/json.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "common/status.h"

namespace longshore::cli {

std::string ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) json = "{}";
  return json;
}

std::string IndentedJson(const std::string& json) {
  return nlohmann::ordered_json::parse(json).dump(2) + "\n";
}

std::string ErrorToJson(const absl::Status& error) {
  const nlohmann::ordered_json json{{"error",
                                     {{"code", absl::StatusCodeToString(error.code())},
                                      {"reason", ReasonOf(error)},
                                      {"message", ToString(error)}}}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace longshore::cli
