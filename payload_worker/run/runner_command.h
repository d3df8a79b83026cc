// The command that runs the remote runner (remote_runner.sh) on an instance.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_COMMAND_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_COMMAND_H_

#include <chrono>
#include <string>
#include <string_view>

#include "longshore/v1/worker_service.pb.h"

namespace longshore::run {

enum class RunnerMode { kStart, kPlace, kAttach, kClean };

// What the runner is asked to do. The modes are described in remote_runner.sh.
struct RunnerRequest {
  RunnerMode mode = RunnerMode::kStart;
  std::string nonce;        // Begins each record.
  std::string remote_path;  // Absolute, or as in the assignment.
  // How long after its kReady the runner still takes "go".
  std::chrono::milliseconds go_limit{0};
  std::string upload;  // The file that is renamed to remote_path at "go"; empty if it is there.
};

// A command, for login shells that take single quotes as Bourne and C shells do, and what is
// written to it before anything else.
struct RunnerCommandLine {
  std::string command;
  std::string input;
};
RunnerCommandLine RunnerCommand(const v1::Assignment& assignment, const RunnerRequest& request);

// Returns the name of the assignment's run on its instance.
std::string RunName(const v1::Assignment& assignment);
// Returns the UploadOptions::owner of the run's uploads (ssh/sftp_upload.h).
std::string UploadOwner(const v1::Assignment& assignment);

// Returns 16 random hexadecimal digits.
std::string RandomNonce();

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUNNER_COMMAND_H_
