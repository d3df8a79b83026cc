// The exit statuses of the command line, and the errors that lead to them.
#ifndef LONGSHORE_CLI_ERRORS_H_
#define LONGSHORE_CLI_ERRORS_H_

#include <string>

#include "absl/status/status.h"

namespace longshore::cli {

enum ExitStatus : int {
  kExitDone = 0,        // Everything that was asked for completed.
  kExitFailed = 1,      // Something failed.
  kExitUsage = 2,       // The command line is wrong.
  kExitRefused = 3,     // The api_server refused it.
  kExitNotReached = 4,  // The api_server was not reached, or did not answer in time.
};

// Returns `error` with the exit status that it leads to; an OK status stays as it is.
absl::Status WithExitStatus(absl::Status error, ExitStatus exit_status);
// Returns the error for a wrong command line; its reason is WRONG_COMMAND_LINE.
absl::Status UsageError(const std::string& problem);
// Returns the exit status of an error, kExitFailed if it was given none.
ExitStatus ExitStatusOf(const absl::Status& error);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_ERRORS_H_
