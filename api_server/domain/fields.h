// Rules for fields that several requests have. Errors are those of errors.h.
#ifndef LONGSHORE_API_SERVER_DOMAIN_FIELDS_H_
#define LONGSHORE_API_SERVER_DOMAIN_FIELDS_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "api_server/domain/errors.h"

namespace longshore::domain {

// The most bytes that what grows without limit, the rows of a page or an output, has in one answer,
// a single row apart. It is under the 4 MiB that gRPC's clients take unless they are told
// otherwise.
inline constexpr size_t kMaxAnswerBytes = 3 << 20;

// Ids are positive.
inline absl::Status CheckId(std::string_view field, int64_t id) {
  if (id > 0) return absl::OkStatus();
  return InvalidField(field, std::to_string(id), "is not an id; ids are positive");
}

// How many ids one request may name. An answer with an error for each of them is still under 4 MiB,
// which gRPC's clients take unless they are told otherwise.
inline constexpr int kMaxIdsPerRequest = 20000;

// How many instances a selector may match for one request. The answer, three ids for each, takes a
// third of those 4 MiB.
inline constexpr int kMaxSelectedInstances = 100000;

// Checks a list of ids, which must not be empty.
template <typename Ids>
absl::Status CheckIds(std::string_view field, const Ids& ids) {
  if (ids.empty()) return InvalidField(field, "", "must name at least one");
  if (ids.size() > kMaxIdsPerRequest) {
    return InvalidField(
        field, std::to_string(ids.size()),
        "are too many: at most " + std::to_string(kMaxIdsPerRequest) + " in one request");
  }
  for (int64_t id : ids) {
    if (absl::Status status = CheckId(field, id); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Checks a short text of one line, for people and filters.
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

inline constexpr size_t kMaxLabelBytes = 255;
inline constexpr int kMaxTags = 64;

template <typename Tags>
absl::Status CheckTags(std::string_view field, const Tags& tags) {
  if (tags.size() > kMaxTags) {
    return InvalidField(field, std::to_string(tags.size()), "are too many: at most 64");
  }
  for (const std::string& tag : tags) {
    absl::Status status = CheckLabel(field, tag, kMaxLabelBytes, /*required=*/true);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// Returns the tags as an instance keeps them: sorted, each once.
template <typename Tags>
std::vector<std::string> SortedTags(const Tags& tags) {
  const std::set<std::string> sorted(tags.begin(), tags.end());
  return {sorted.begin(), sorted.end()};
}

// Checks that an enum has one of its values, because proto3 accepts any number.
template <typename Enum>
absl::Status CheckEnum(std::string_view field, Enum value, bool (*is_valid)(int)) {
  if (is_valid(value)) return absl::OkStatus();
  return InvalidField(field, std::to_string(value), "is not a value of the enum");
}

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_FIELDS_H_
