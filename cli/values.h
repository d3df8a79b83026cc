// Parses the values of options. Errors are UsageErrors that quote the text; `what` names the value
// in them.
#ifndef LONGSHORE_CLI_VALUES_H_
#define LONGSHORE_CLI_VALUES_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore::cli {

// Parses a whole decimal number.
absl::StatusOr<int64_t> ParseInt64(const std::string& what, const std::string& text);
absl::StatusOr<int32_t> ParseInt32(const std::string& what, const std::string& text);
// Parses a positive number.
absl::StatusOr<int32_t> ParseCount(const std::string& what, const std::string& text);
// Parses a positive time: "90" is 90 seconds; "5m", "1h30m" and "500ms" have units.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(const std::string& what,
                                                        const std::string& text);
// Parses a time in whole seconds. It may be 0 or negative; the api_server checks its range.
absl::StatusOr<int32_t> ParseSeconds(const std::string& what, const std::string& text);
// Parses an id, which is a positive number.
absl::StatusOr<int64_t> ParseId(const std::string& what, const std::string& text);
// Returns whether `text` has digits only, and so is an id where a name could stand as well.
bool IsNumber(const std::string& text);
// Checks that `text` can be an instance's id or name, and returns it.
absl::StatusOr<std::string> ParseInstance(const std::string& what, const std::string& text);
// Returns the parts between commas that are not empty.
std::vector<std::string> SplitList(const std::string& text);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_VALUES_H_
