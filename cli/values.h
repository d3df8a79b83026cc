// The values of options: what their text means. Errors are UsageErrors that quote the text.
#ifndef LONGSHORE_CLI_VALUES_H_
#define LONGSHORE_CLI_VALUES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore::cli {

// A whole decimal number. `what` names it in the error.
absl::StatusOr<int64_t> ParseInt64(const std::string& what, const std::string& text);
absl::StatusOr<int32_t> ParseInt32(const std::string& what, const std::string& text);
// The id of something: a positive number.
absl::StatusOr<int64_t> ParseId(const std::string& what, const std::string& text);
// The parts between commas that are not empty.
std::vector<std::string> SplitList(const std::string& text);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_VALUES_H_
