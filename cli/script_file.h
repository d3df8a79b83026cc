// Reads a script from a file of this machine.
#ifndef LONGSHORE_CLI_SCRIPT_FILE_H_
#define LONGSHORE_CLI_SCRIPT_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace longshore::cli {

// Returns the content of `file`, or of standard input for "-". Errors: UsageErrors when it cannot
// be read or is empty.
absl::StatusOr<std::string> ReadScript(const std::string& file);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_SCRIPT_FILE_H_
