#include "api_server/http/openapi_schemas.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "api_server/http/api_descriptors.h"
#include "api_server/http/json_mapper.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

Json Reference(const std::string& name) { return {{"$ref", "#/components/schemas/" + name}}; }

void Describe(const std::string& comment, Json* schema) {
  if (!comment.empty()) (*schema)["description"] = comment;
}

Json EnumSchema(const EnumDescriptor& type) {
  Json values = Json::array();
  std::string meanings = CommentOf(type);
  for (int i = 1; i < type.value_count(); ++i) {
    const std::string text = EnumText(*type.value(i));
    values.push_back(text);
    if (const std::string comment = CommentOf(*type.value(i)); !comment.empty()) {
      absl::StrAppend(&meanings, "\n- `", text, "`: ", comment);
    }
  }
  Json schema{{"type", "string"}, {"enum", std::move(values)}};
  Describe(meanings, &schema);
  return schema;
}

// Of a message that is one value in JSON; null for another.
Json WellKnown(const Descriptor& type) {
  const std::string& name = type.full_name();
  if (name == "google.protobuf.Timestamp") return {{"type", "string"}, {"format", "date-time"}};
  if (name == "google.protobuf.Duration") {
    return {{"type", "string"}, {"pattern", R"(^-?[0-9]+(\.[0-9]{1,9})?s$)"}};
  }
  if (name == "google.protobuf.FieldMask") return {{"type", "string"}};
  return nullptr;
}

}  // namespace

Json OpenApiSchemas::OfRequest(const Descriptor& type) {
  in_request_ = true;
  return Refer(type);
}

Json OpenApiSchemas::OfResponse(const Descriptor& type) {
  in_request_ = false;
  return Refer(type);
}

Json OpenApiSchemas::OfRequestWithout(const Descriptor& type, const std::set<std::string>& fields) {
  in_request_ = true;
  return Object(type, fields);
}

Json OpenApiSchemas::OfField(const FieldDescriptor& field, bool one_value) {
  Json schema = Value(field);
  if (field.is_repeated() && !one_value) {
    schema = {{"type", "array"}, {"items", std::move(schema)}};
  }
  Describe(CommentOf(field), &schema);
  return schema;
}

Json OpenApiSchemas::Components() const {
  Json all = Json::object();
  for (const auto& [name, schema] : components_) all[name] = schema;
  return all;
}

Json OpenApiSchemas::Refer(const Descriptor& type) {
  // A message that is both sent and answered with is described as it is sent.
  const bool is_new = components_.emplace(type.name(), nullptr).second;
  const bool is_sent_now = in_request_ && sent_.insert(type.name()).second;
  if (is_new || is_sent_now) {
    Json schema = Object(type, {});
    components_[type.name()] = std::move(schema);
  }
  return Reference(type.name());
}

Json OpenApiSchemas::Object(const Descriptor& type, const std::set<std::string>& without) {
  const bool in_request = in_request_ || sent_.count(type.name()) > 0;
  Json properties = Json::object();
  Json required = Json::array();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (without.count(field.name()) > 0) continue;
    properties[field.name()] = OfField(field);
    const bool may_be_left_out =
        field.has_presence() ||
        (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM);
    if (!in_request && !may_be_left_out) required.push_back(field.name());
  }
  Json schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  // What a request has must be known. Answers may come to have more.
  if (in_request) schema["additionalProperties"] = false;
  Describe(CommentOf(type), &schema);
  return schema;
}

Json OpenApiSchemas::Value(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
      return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return {{"type", "integer"}, {"format", "int64"}};
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return {{"type", "number"}};
    case FieldDescriptor::CPPTYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) {
        return {{"type", "string"}, {"contentEncoding", "base64"}};
      }
      return {{"type", "string"}};
    case FieldDescriptor::CPPTYPE_ENUM:
      components_[field.enum_type()->name()] = EnumSchema(*field.enum_type());
      return Reference(field.enum_type()->name());
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (Json known = WellKnown(*field.message_type()); !known.is_null()) return known;
      return Refer(*field.message_type());
  }
  return Json::object();
}

}  // namespace longshore::api_http
