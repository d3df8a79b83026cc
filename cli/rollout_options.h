// A rollout, as the command line has it.
#ifndef LONGSHORE_CLI_ROLLOUT_OPTIONS_H_
#define LONGSHORE_CLI_ROLLOUT_OPTIONS_H_

#include <string>

#include "absl/status/statusor.h"
#include "longshore/v1/deployment.pb.h"

namespace longshore::cli {

// What was given; empty and 0: nothing.
struct RolloutOptions {
  std::string max_concurrency;  // "10" or "20%".
  std::string max_errors;       // The same.
  std::string waves;            // "1,5%,25%".
  int32_t wave_pause = 0;       // Seconds.
  bool wave_hold = false;
  std::string wave_check;  // A file.
};

// Reads them, and the file. Errors are UsageErrors.
absl::StatusOr<v1::Rollout> ParseRollout(const RolloutOptions& options);

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_ROLLOUT_OPTIONS_H_
