#include "cli/arguments.h"

#include <charconv>

#include "absl/strings/str_split.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

constexpr char kUsagePayload[] = "longshore/usage";

}  // namespace

absl::Status UsageError(const std::string& problem) {
  absl::Status status = absl::InvalidArgumentError(problem);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

bool IsUsageError(const absl::Status& status) {
  return status.GetPayload(kUsagePayload).has_value();
}

absl::StatusOr<int64_t> ParseInt(const std::string& what, const std::string& text) {
  int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  if (parsed.ec == std::errc() && parsed.ptr == end) return value;
  return UsageError(what + " '" + text + "' is not a number");
}

absl::StatusOr<Arguments> Arguments::Parse(const std::vector<std::string>& words,
                                           const OptionSpec& spec) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      arguments.positional_.insert(arguments.positional_.end(), words.begin() + i + 1, words.end());
      break;
    }
    if (word.rfind("--", 0) != 0) {
      arguments.positional_.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    if (spec.switches.count(name) > 0 && equals == std::string::npos) {
      arguments.values_.emplace(name, "");
    } else if (spec.with_value.count(name) == 0) {
      return UsageError("unknown option '" + word + "'");
    } else if (equals != std::string::npos) {
      arguments.values_.emplace(name, word.substr(equals + 1));
    } else if (i + 1 < words.size()) {
      arguments.values_.emplace(name, words[++i]);
    } else {
      return UsageError("option '" + word + "' needs a value");
    }
  }
  return arguments;
}

std::string Arguments::Text(const std::string& name) const {
  const auto all = All(name);
  return all.empty() ? "" : all.back();
}

std::vector<std::string> Arguments::All(const std::string& name) const {
  std::vector<std::string> all;
  const auto [begin, end] = values_.equal_range(name);
  for (auto value = begin; value != end; ++value) all.push_back(value->second);
  return all;
}

absl::StatusOr<int64_t> Arguments::Int(const std::string& name, int64_t fallback) const {
  if (!Has(name)) return fallback;
  return ParseInt("--" + name, Text(name));
}

absl::StatusOr<int32_t> Arguments::Int32(const std::string& name) const {
  ASSIGN_OR_RETURN(const int64_t value, Int(name, 0));
  if (value < INT32_MIN || value > INT32_MAX) {
    return UsageError("--" + name + " '" + Text(name) + "' is out of range");
  }
  return static_cast<int32_t>(value);
}

absl::StatusOr<std::vector<int64_t>> Arguments::Ids(const std::string& name) const {
  std::vector<int64_t> ids;
  for (const std::string& list : All(name)) {
    const std::vector<std::string> words = absl::StrSplit(list, ',', absl::SkipEmpty());
    for (const std::string& word : words) {
      ASSIGN_OR_RETURN(const int64_t id, ParseInt("--" + name, word));
      ids.push_back(id);
    }
  }
  return ids;
}

}  // namespace longshore::cli
