#include "cli/values.h"

#include <charconv>

#include "absl/strings/str_split.h"
#include "cli/errors.h"
#include "common/status_macros.h"

namespace longshore::cli {

absl::StatusOr<int64_t> ParseInt64(const std::string& what, const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end) return value;
  return UsageError(what + " '" + text + "' is not a number");
}

absl::StatusOr<int32_t> ParseInt32(const std::string& what, const std::string& text) {
  ASSIGN_OR_RETURN(const int64_t value, ParseInt64(what, text));
  if (value < INT32_MIN || value > INT32_MAX) {
    return UsageError(what + " '" + text + "' is out of range");
  }
  return static_cast<int32_t>(value);
}

absl::StatusOr<int64_t> ParseId(const std::string& what, const std::string& text) {
  ASSIGN_OR_RETURN(const int64_t id, ParseInt64(what, text));
  if (id > 0) return id;
  return UsageError(what + " '" + text + "' is no id");
}

std::vector<std::string> SplitList(const std::string& text) {
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

}  // namespace longshore::cli
