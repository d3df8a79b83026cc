// Enum values as the database and the command line write them: the name without the enum's prefix.
#ifndef LONGSHORE_COMMON_ENUM_TEXT_H_
#define LONGSHORE_COMMON_ENUM_TEXT_H_

#include <google/protobuf/generated_enum_reflection.h>

#include <cctype>
#include <string>
#include <string_view>

namespace longshore {

// Returns "PAYLOAD_STATUS_" for "PayloadStatus".
inline std::string EnumPrefix(std::string_view type_name) {
  std::string prefix;
  for (char c : type_name) {
    if (std::isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix.push_back('_');
    prefix.push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return prefix + "_";
}

// Returns "COMPLETED" for PAYLOAD_STATUS_COMPLETED; empty for a number that the enum does not have.
template <typename Enum>
std::string EnumText(Enum value) {
  const auto* descriptor = google::protobuf::GetEnumDescriptor<Enum>();
  const auto* entry = descriptor->FindValueByNumber(value);
  return entry == nullptr ? "" : entry->name().substr(EnumPrefix(descriptor->name()).size());
}

// Returns the value whose EnumText is `text`, or the zero value when there is none.
template <typename Enum>
Enum EnumFromText(std::string_view text) {
  const auto* descriptor = google::protobuf::GetEnumDescriptor<Enum>();
  const auto* entry =
      descriptor->FindValueByName(EnumPrefix(descriptor->name()) + std::string(text));
  return static_cast<Enum>(entry == nullptr ? 0 : entry->number());
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_ENUM_TEXT_H_
