// The command that runs the remote runner (remote_runner.sh) on an instance.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_COMMAND_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_COMMAND_H_

#include <chrono>
#include <string>
#include <string_view>

#include "longshore/v1/worker_service.pb.h"

namespace longshore::run {

enum class RunnerMode { kStart, kPlace, kAttach, kClean };

// What the runner is asked for; see remote_runner.sh for the meaning of each.
struct RunnerRequest {
  RunnerMode mode = RunnerMode::kStart;
  std::string nonce;
  std::string remote_path;  // Absolute, or as the assignment has it.
  std::chrono::milliseconds go_limit{0};
  std::string upload;  // What becomes remote_path at "go"; empty when that is there.
};

// For a login shell of the Bourne or C-like kinds that take single quotes.
std::string RunnerCommand(const v1::Assignment& assignment, const RunnerRequest& request);

// The name of the assignment's run on its instance.
std::string RunName(const v1::Assignment& assignment);
// What names of the run's uploads begin with, after ".longshore-".
std::string UploadOwner(const v1::Assignment& assignment);

// 16 random hexadecimal digits.
std::string RandomNonce();

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_COMMAND_H_
