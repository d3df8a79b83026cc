#include "api_server/http/json_mapper.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/util/field_mask_util.h>
#include <google/protobuf/util/time_util.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "api_server/domain/errors.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "http/target.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Any;
using google::protobuf::Descriptor;
using google::protobuf::Duration;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Timestamp;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::TimeUtil;

constexpr size_t kMaxShownName = 100;

// A message that is one value in JSON. `message` may be of another class of the same type.
template <typename Known>
std::optional<Known> As(const Message& message) {
  if (message.GetDescriptor()->full_name() != Known::descriptor()->full_name()) return std::nullopt;
  Known known;
  known.CopyFrom(message);
  return known;
}

Json AnyToJson(const Any& any) {
  const std::string type = any.type_url().substr(any.type_url().rfind('/') + 1);
  const Descriptor* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  const std::unique_ptr<Message> inner(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
  if (!inner->ParseFromString(any.value())) return nullptr;
  Json json{{"@type", any.type_url()}};
  json.update(ToJson(*inner));
  return json;
}

Json EnumToJson(const EnumValueDescriptor& value) {
  return value.number() == 0 ? Json() : Json(EnumText(value));
}

// `index` -1: of a field that is not repeated.
Json ValueToJson(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& reflection = *message.GetReflection();
  const bool repeated = index >= 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return repeated ? reflection.GetRepeatedInt32(message, &field, index)
                      : reflection.GetInt32(message, &field);
    case FieldDescriptor::CPPTYPE_INT64:
      return repeated ? reflection.GetRepeatedInt64(message, &field, index)
                      : reflection.GetInt64(message, &field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return repeated ? reflection.GetRepeatedUInt32(message, &field, index)
                      : reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return repeated ? reflection.GetRepeatedUInt64(message, &field, index)
                      : reflection.GetUInt64(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return repeated ? reflection.GetRepeatedDouble(message, &field, index)
                      : reflection.GetDouble(message, &field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return repeated ? reflection.GetRepeatedFloat(message, &field, index)
                      : reflection.GetFloat(message, &field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return repeated ? reflection.GetRepeatedBool(message, &field, index)
                      : reflection.GetBool(message, &field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumToJson(repeated ? *reflection.GetRepeatedEnum(message, &field, index)
                                 : *reflection.GetEnum(message, &field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string value = repeated ? reflection.GetRepeatedString(message, &field, index)
                                   : reflection.GetString(message, &field);
      if (field.type() == FieldDescriptor::TYPE_BYTES) return absl::Base64Escape(value);
      return value;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const Message& inner = repeated ? reflection.GetRepeatedMessage(message, &field, index)
                                      : reflection.GetMessage(message, &field);
      if (auto time = As<Timestamp>(inner)) return TimeUtil::ToString(*time);
      if (auto duration = As<Duration>(inner)) return TimeUtil::ToString(*duration);
      if (auto mask = As<FieldMask>(inner)) return FieldMaskUtil::ToString(*mask);
      return ToJson(inner);
    }
  }
  return nullptr;
}

absl::Status UnknownField(const std::string& name, const Descriptor& type) {
  std::vector<std::string> fields;
  fields.reserve(type.field_count());
  for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i)->name());
  const std::string shown = ToPrintableLine(name, kMaxShownName);
  const std::string message =
      "'" + shown + "' is not known here; known are: " + absl::StrJoin(fields, ", ");
  return WithFieldViolation(WithReason(absl::InvalidArgumentError(message), "INVALID_FIELD"), shown,
                            message);
}

// An object; keys are text.
Json MapToJson(const Message& message, const FieldDescriptor& field) {
  Json object = Json::object();
  for (int at = 0; at < message.GetReflection()->FieldSize(message, &field); ++at) {
    const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, at);
    const Json key = ValueToJson(entry, *field.message_type()->map_key(), -1);
    object[key.is_string() ? key.get<std::string>() : Text(key)] =
        ValueToJson(entry, *field.message_type()->map_value(), -1);
  }
  return object;
}

// What a field is written as in JSON.
std::string FormOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_UINT32:
      return "must be an integer of 32 bits";
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return "must be an integer of 64 bits";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "must be a number";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "must be true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return field.type() == FieldDescriptor::TYPE_BYTES ? "must be a string of base64"
                                                         : "must be a string";
    case FieldDescriptor::CPPTYPE_ENUM: {
      std::vector<std::string> values;
      for (int i = 1; i < field.enum_type()->value_count(); ++i) {
        values.push_back(EnumText(*field.enum_type()->value(i)));
      }
      return "must be one of " + absl::StrJoin(values, ", ");
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      const std::string& type = field.message_type()->full_name();
      if (type == Timestamp::descriptor()->full_name()) {
        return "must be a time such as \"2026-01-31T12:00:00Z\"";
      }
      if (type == Duration::descriptor()->full_name()) {
        return "must be a number of seconds such as \"5.3s\"";
      }
      if (type == FieldMask::descriptor()->full_name()) {
        return "must be the names of fields such as \"name,tags\"";
      }
      return "must be an object";
    }
  }
  return "";
}

// The integer that `json` is; a client without integers may write 5 as 5.0.
template <typename Integer>
std::optional<Integer> IntegerOf(const Json& json) {
  if (json.is_number_unsigned()) {
    const auto value = json.get<uint64_t>();
    if (!std::in_range<Integer>(value)) return std::nullopt;
    return static_cast<Integer>(value);
  }
  if (json.is_number_integer()) {
    const auto value = json.get<int64_t>();
    if (!std::in_range<Integer>(value)) return std::nullopt;
    return static_cast<Integer>(value);
  }
  if (!json.is_number_float()) return std::nullopt;
  const auto value = json.get<double>();
  if (value != std::floor(value) || std::abs(value) > kExactDoubles) return std::nullopt;
  return IntegerOf<Integer>(Json(static_cast<int64_t>(value)));
}

std::optional<std::string> StringOf(const Json& json) {
  if (!json.is_string()) return std::nullopt;
  return json.get<std::string>();
}

std::optional<std::string> BytesOf(const Json& json) {
  std::string bytes;
  if (!json.is_string() || !absl::Base64Unescape(json.get<std::string>(), &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

const EnumValueDescriptor* EnumOf(const FieldDescriptor& field, const Json& json) {
  if (!json.is_string()) return nullptr;
  for (int i = 1; i < field.enum_type()->value_count(); ++i) {
    if (EnumText(*field.enum_type()->value(i)) == json.get<std::string>()) {
      return field.enum_type()->value(i);
    }
  }
  return nullptr;
}

// Reads a message that is a string in JSON; nullopt when it is another kind of message.
std::optional<bool> ReadTextMessage(const Json& json, Message* message) {
  const std::string& type = message->GetDescriptor()->full_name();
  const bool is_text = json.is_string();
  const std::string text = is_text ? json.get<std::string>() : "";
  const auto fill = [&](const Message& known) {
    message->CopyFrom(known);
    return true;
  };
  if (type == Timestamp::descriptor()->full_name()) {
    Timestamp time;
    return is_text && TimeUtil::FromString(text, &time) && fill(time);
  }
  if (type == Duration::descriptor()->full_name()) {
    Duration duration;
    return is_text && TimeUtil::FromString(text, &duration) && fill(duration);
  }
  if (type == FieldMask::descriptor()->full_name()) {
    FieldMask mask;
    if (is_text) FieldMaskUtil::FromString(text, &mask);
    return is_text && fill(mask);
  }
  return std::nullopt;
}

absl::Status ReadObject(const Json& json, const std::string& path, Message* message);

// Sets a field that is not repeated, or adds a value to one that is.
absl::Status ReadValue(const Json& json, const FieldDescriptor& field, const std::string& path,
                       Message* message) {
  const Reflection& reflection = *message->GetReflection();
  const bool repeated = field.is_repeated();
  const auto set = [&](auto value, auto setter, auto adder) {
    if (!value.has_value()) return domain::InvalidField(path, Text(json), FormOf(field));
    repeated ? (reflection.*adder)(message, &field, *std::move(value))
             : (reflection.*setter)(message, &field, *std::move(value));
    return absl::OkStatus();
  };
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return set(IntegerOf<int32_t>(json), &Reflection::SetInt32, &Reflection::AddInt32);
    case FieldDescriptor::CPPTYPE_INT64:
      return set(IntegerOf<int64_t>(json), &Reflection::SetInt64, &Reflection::AddInt64);
    case FieldDescriptor::CPPTYPE_UINT32:
      return set(IntegerOf<uint32_t>(json), &Reflection::SetUInt32, &Reflection::AddUInt32);
    case FieldDescriptor::CPPTYPE_UINT64:
      return set(IntegerOf<uint64_t>(json), &Reflection::SetUInt64, &Reflection::AddUInt64);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return set(json.is_number() ? std::optional<double>(json.get<double>()) : std::nullopt,
                 &Reflection::SetDouble, &Reflection::AddDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return set(json.is_number() ? std::optional<float>(json.get<float>()) : std::nullopt,
                 &Reflection::SetFloat, &Reflection::AddFloat);
    case FieldDescriptor::CPPTYPE_BOOL:
      return set(json.is_boolean() ? std::optional<bool>(json.get<bool>()) : std::nullopt,
                 &Reflection::SetBool, &Reflection::AddBool);
    case FieldDescriptor::CPPTYPE_STRING:
      return set(field.type() == FieldDescriptor::TYPE_BYTES ? BytesOf(json) : StringOf(json),
                 &Reflection::SetString, &Reflection::AddString);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumValueDescriptor* value = EnumOf(field, json);
      return set(value == nullptr ? std::nullopt : std::optional(value), &Reflection::SetEnum,
                 &Reflection::AddEnum);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message* const inner = repeated ? reflection.AddMessage(message, &field)
                                      : reflection.MutableMessage(message, &field);
      if (const std::optional<bool> read = ReadTextMessage(json, inner); read.has_value()) {
        return *read ? absl::OkStatus() : domain::InvalidField(path, Text(json), FormOf(field));
      }
      if (!json.is_object()) return domain::InvalidField(path, Text(json), FormOf(field));
      return ReadObject(json, path + ".", inner);
    }
  }
  return absl::OkStatus();
}

absl::Status ReadObject(const Json& json, const std::string& path, Message* message) {
  for (const auto& [name, value] : json.items()) {
    const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
    if (field == nullptr) return UnknownField(path + name, *message->GetDescriptor());
    if (value.is_null()) continue;
    if (!field->is_repeated()) {
      RETURN_IF_ERROR(ReadValue(value, *field, path + name, message));
      continue;
    }
    if (!value.is_array()) {
      return domain::InvalidField(path + name, Text(value), "must be an array");
    }
    for (size_t i = 0; i < value.size(); ++i) {
      RETURN_IF_ERROR(
          ReadValue(value[i], *field, path + name + "[" + std::to_string(i) + "]", message));
    }
  }
  return absl::OkStatus();
}

// The JSON that a text in a query stands for.
Json JsonOfText(const FieldDescriptor& field, const std::string& text) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
    if (text == "true") return true;
    if (text == "false") return false;
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
             field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
    if (const std::optional<int64_t> number = http::Integer(text)) return *number;
  }
  return text;
}

}  // namespace

std::string EnumText(const EnumValueDescriptor& value) {
  // PAYLOAD_STATUS_UNSPECIFIED is the first of PayloadStatus: what comes before is the prefix.
  constexpr std::string_view kFirst = "UNSPECIFIED";
  const std::string_view first = value.type()->value(0)->name();
  const size_t prefix = first.ends_with(kFirst) ? first.size() - kFirst.size() : 0;
  const bool has_prefix = value.name().starts_with(first.substr(0, prefix));
  return absl::AsciiStrToLower(value.name().substr(has_prefix ? prefix : 0));
}

Json ToJson(const Message& message) {
  if (auto any = As<Any>(message)) return AnyToJson(*any);
  const Descriptor& type = *message.GetDescriptor();
  const Reflection& reflection = *message.GetReflection();
  Json json = Json::object();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_map()) {
      json[field.name()] = MapToJson(message, field);
    } else if (field.is_repeated()) {
      Json& values = json[field.name()] = Json::array();
      for (int at = 0; at < reflection.FieldSize(message, &field); ++at) {
        Json value = ValueToJson(message, field, at);
        if (!value.is_null()) values.push_back(std::move(value));
      }
    } else if (!field.has_presence() || reflection.HasField(message, &field)) {
      Json value = ValueToJson(message, field, -1);
      if (!value.is_null()) json[field.name()] = std::move(value);
    }
  }
  return json;
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::Status FromJson(const Json& json, Message* message) { return ReadObject(json, "", message); }

absl::Status SetFromText(std::string_view name, const std::string& text, Message* message) {
  const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(std::string(name));
  if (field == nullptr) return UnknownField(std::string(name), *message->GetDescriptor());
  if (ToValidUtf8(text) != text) return domain::InvalidField(name, text, "is not valid UTF-8");
  if (!field->is_repeated() && message->GetReflection()->HasField(*message, field)) {
    return domain::InvalidField(name, text, "must be given once");
  }
  return ReadValue(JsonOfText(*field, text), *field, std::string(name), message);
}

}  // namespace longshore::api_http
