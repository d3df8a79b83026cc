// Runs a program to its end.
#ifndef LONGSHORE_COMMON_SUBPROCESS_H_
#define LONGSHORE_COMMON_SUBPROCESS_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore {

struct ProgramResult {
  int exit_status = 0;  // 128 + the signal when one ended it.
  std::string output;   // Standard output and error together; its first 64 KiB.
};

// Runs `words`, found in PATH, with standard input empty and no descriptor of this process but its
// own three; returns when it has ended and nobody holds its output any more. Kills it when that
// takes longer than `limit`. Blocks. Errors: Unavailable (cannot be started), DeadlineExceeded.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& words,
                                         std::chrono::milliseconds limit);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SUBPROCESS_H_
