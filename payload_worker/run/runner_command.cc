#include "payload_worker/run/runner_command.h"

#include <utility>
#include <vector>

#include "common/output_limit.h"
#include "common/random.h"
#include "common/sha256.h"
#include "common/shell_quote.h"
#include "payload_worker/run/runner_fail_points.h"
#include "payload_worker/ssh/become.h"

namespace longshore::run {
namespace {

constexpr char kRunner[] =
#include "payload_worker/run/remote_runner.inc"
    ;

std::string Runner() { return RunnerWithFailPoints == nullptr ? kRunner : RunnerWithFailPoints(); }

const char* ModeText(RunnerMode mode) {
  switch (mode) {
    case RunnerMode::kStart:
      return "start";
    case RunnerMode::kPlace:
      return "place";
    case RunnerMode::kAttach:
      return "attach";
    case RunnerMode::kClean:
      return "clean";
  }
  return "";
}

// By standard input, for sudo logs what is in the command line. A part of the runner, of a
// connection that broke, is not carried out.
RunnerCommandLine RunnerAsRoot(const std::vector<std::string>& arguments) {
  std::string runner = Runner();
  runner.erase(runner.find_last_not_of('\n') + 1);  // As $(...) does.
  const std::string size = std::to_string(runner.size());
  const std::string script = "ls_runner=$(exec head -c " + size + ") && [ ${#ls_runner} = " + size +
                             " ] && eval \"$ls_runner\"";
  return {.command = ssh::AsRoot(script, arguments), .input = std::move(runner)};
}

}  // namespace

RunnerCommandLine RunnerCommand(const v1::Assignment& assignment, const RunnerRequest& request) {
  const OutputLimit limit(assignment.max_output_bytes());
  const std::vector<std::string> arguments = {ModeText(request.mode),
                                              request.nonce,
                                              RunName(assignment),
                                              request.remote_path,
                                              HexEncode(assignment.script_sha256()),
                                              std::to_string(assignment.timeout()),
                                              std::to_string(assignment.output_offset()),
                                              std::to_string(limit.head),
                                              std::to_string(limit.tail),
                                              std::to_string(request.go_limit.count() / 10),
                                              request.upload};
  if (assignment.become()) return RunnerAsRoot(arguments);
  return {.command = "exec bash --norc -p -c " + ShellQuote(Runner()) + " longshore" +
                     ShellWords(arguments),
          .input = ""};
}

std::string RunName(const v1::Assignment& assignment) {
  if (!assignment.run().empty()) return assignment.run();
  return std::to_string(assignment.payload_id()) + "." + std::to_string(assignment.attempt());
}

std::string UploadOwner(const v1::Assignment& assignment) {
  const std::string run = RunName(assignment);
  return run.substr(0, run.find('.'));
}

std::string RandomNonce() { return RandomHex(8); }

}  // namespace longshore::run
