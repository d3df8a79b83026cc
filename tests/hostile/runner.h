// The remote runner's side of one exec request. It speaks like payload_worker/run/remote_runner.sh
// and runs nothing.
#ifndef LONGSHORE_TESTS_HOSTILE_RUNNER_H_
#define LONGSHORE_TESTS_HOSTILE_RUNNER_H_

#include <libssh/libssh.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/hostile/lies.h"
#include "tests/hostile/memory.h"

namespace longshore::hostile {

// The words that follow the runner's own text in the command.
struct RunnerArguments {
  std::string mode;
  std::string nonce;
  std::string run;
  std::string remote_path;
  int64_t offset = 0;
  std::string upload;
};

// Returns nullopt when the command does not start the remote runner.
std::optional<RunnerArguments> ParseRunnerCommand(std::string_view command);

class Runner {
 public:
  Runner(const Lies& lies, Memory* memory, ssh_session session, ssh_channel channel,
         RunnerArguments arguments);

  // Says what a runner would say, apart from the lies, until it or the connection has ended.
  void Serve();

  // The parts of Serve. Each ends this process when the connection breaks.
  void Say(std::string_view record);        // Writes NONCE RECORD and a newline.
  void SayRaw(std::string_view bytes);      // Writes anything to standard error.
  void Print(std::string_view output);      // Writes anything to standard output.
  void Running(const std::string& offset);  // Also writes the marker before the output.
  void End() { Say("end 6 exit 0 100.00 100.10 none"); }
  std::optional<std::string> NextCommand();  // Waits for one; nullopt at the end of the connection.
  void ObeyUntilTheEnd();

  const RunnerArguments& arguments() const { return arguments_; }
  ssh_session session() const { return session_; }
  std::string nonce() const { return arguments_.nonce + " "; }

 private:
  bool Start();
  void Follow();

  const Lies& lies_;
  Memory& memory_;
  const ssh_session session_;
  const ssh_channel channel_;
  const RunnerArguments arguments_;
  std::string unread_;  // Of standard input.
};

}  // namespace longshore::hostile

#endif  // LONGSHORE_TESTS_HOSTILE_RUNNER_H_
