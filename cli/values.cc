#include "cli/values.h"

#include <algorithm>
#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "cli/errors.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

// A number without a unit is one of seconds.
absl::StatusOr<absl::Duration> ParseAnyDuration(const std::string& what, const std::string& text) {
  absl::Duration duration;
  if (const auto seconds = ParseInt64(what, text); seconds.ok()) return absl::Seconds(*seconds);
  if (absl::ParseDuration(text, &duration) && duration != absl::InfiniteDuration() &&
      duration != -absl::InfiniteDuration()) {
    return duration;
  }
  return UsageError(what + " '" + text + "' is not a duration such as 90, 5m or 1h30m");
}

}  // namespace

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

absl::StatusOr<int32_t> ParseCount(const std::string& what, const std::string& text) {
  ASSIGN_OR_RETURN(const int32_t count, ParseInt32(what, text));
  if (count > 0) return count;
  return UsageError(what + " '" + text + "' is not above 0");
}

absl::StatusOr<std::chrono::milliseconds> ParseDuration(const std::string& what,
                                                        const std::string& text) {
  ASSIGN_OR_RETURN(const absl::Duration duration, ParseAnyDuration(what, text));
  const auto value = absl::ToChronoMilliseconds(duration);
  if (value.count() > 0) return value;
  return UsageError(what + " '" + text + "' is no time to wait");
}

absl::StatusOr<int32_t> ParseSeconds(const std::string& what, const std::string& text) {
  ASSIGN_OR_RETURN(const absl::Duration duration, ParseAnyDuration(what, text));
  const int64_t seconds = absl::ToInt64Seconds(duration);
  if (absl::Seconds(seconds) != duration) {
    return UsageError(what + " '" + text + "' is not in whole seconds");
  }
  if (seconds < INT32_MIN || seconds > INT32_MAX) {
    return UsageError(what + " '" + text + "' is out of range");
  }
  return static_cast<int32_t>(seconds);
}

absl::StatusOr<int64_t> ParseId(const std::string& what, const std::string& text) {
  ASSIGN_OR_RETURN(const int64_t id, ParseInt64(what, text));
  if (id > 0) return id;
  return UsageError(what + " '" + text + "' is not an id");
}

bool IsNumber(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

absl::StatusOr<std::string> ParseInstance(const std::string& what, const std::string& text) {
  if (text.empty()) return UsageError(what + " is empty; give an id or a name");
  if (IsNumber(text)) RETURN_IF_ERROR(ParseId(what, text).status());
  return text;
}

std::vector<std::string> SplitList(const std::string& text) {
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

}  // namespace longshore::cli
