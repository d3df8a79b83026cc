// The values of options: what their text means. Errors are UsageErrors that quote the text.
#ifndef LONGSHORE_CLI_VALUES_H_
#define LONGSHORE_CLI_VALUES_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore::cli {

// A whole decimal number. `what` names it in the error.
absl::StatusOr<int64_t> ParseInt64(const std::string& what, const std::string& text);
absl::StatusOr<int32_t> ParseInt32(const std::string& what, const std::string& text);
// A positive number.
absl::StatusOr<int32_t> ParseCount(const std::string& what, const std::string& text);
// "90" is 90 seconds; "5m", "1h30m", "500ms" have their units. Positive.
absl::StatusOr<std::chrono::milliseconds> ParseDuration(const std::string& what,
                                                        const std::string& text);
// The same in whole seconds, also 0.
absl::StatusOr<int32_t> ParseSeconds(const std::string& what, const std::string& text);
// The id of something: a positive number.
absl::StatusOr<int64_t> ParseId(const std::string& what, const std::string& text);
// Whether `text` has digits only: an id, where a name could stand as well.
bool IsNumber(const std::string& text);
// An instance's id or its name.
absl::StatusOr<std::string> ParseInstance(const std::string& what, const std::string& text);
// The parts between commas that are not empty.
std::vector<std::string> SplitList(const std::string& text);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_VALUES_H_
