// Rules that several requests share.
#ifndef LONGSHORE_API_SERVER_DOMAIN_FIELDS_H_
#define LONGSHORE_API_SERVER_DOMAIN_FIELDS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "api_server/domain/errors.h"

namespace longshore::domain {

// Ids are positive.
inline absl::Status CheckId(std::string_view field, int64_t id) {
  if (id > 0) return absl::OkStatus();
  return InvalidField(field, std::to_string(id), "is not an id; ids are positive");
}

// A short text for people and filters: one line.
inline absl::Status CheckLabel(std::string_view field, std::string_view value, size_t max_bytes,
                               bool required) {
  if (required && value.empty()) return InvalidField(field, value, "must not be empty");
  if (value.size() > max_bytes) {
    return InvalidField(field, value, "is over " + std::to_string(max_bytes) + " bytes");
  }
  for (unsigned char c : value) {
    if (c < 0x20 || c == 0x7F) return InvalidField(field, value, "has a control character");
  }
  return absl::OkStatus();
}

// proto3 lets any number through as an enum.
template <typename Enum>
absl::Status CheckEnum(std::string_view field, Enum value, bool (*is_valid)(int)) {
  if (is_valid(value)) return absl::OkStatus();
  return InvalidField(field, std::to_string(value), "is not a value of the enum");
}

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_FIELDS_H_
