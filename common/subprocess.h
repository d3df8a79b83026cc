// Runs programs as child processes.
#ifndef LONGSHORE_COMMON_SUBPROCESS_H_
#define LONGSHORE_COMMON_SUBPROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace longshore {

struct ChildOptions {
  std::vector<std::string> words;  // The program, found in PATH, and its arguments.
  // "NAME=value". Added to this process's own environment.
  std::vector<std::string> environment;
  // Gives the program a second pipe to this process, as its descriptor 3.
  bool records = false;
};

// A running program in a process group of its own. Its standard input is empty, its standard output
// and error share one pipe, and it inherits no other descriptor. Not thread-safe.
class ChildProcess {
 public:
  // Starts the program. Errors: Unavailable (it cannot be started).
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildOptions& options);
  // Kills the program and what is left of its group, and reaps it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits up to `limit` for output or for the program's end, then appends what has been written to
  // `output` and `records`. Returns false once everybody who could write has closed both pipes.
  // `records` may be null.
  bool Read(std::chrono::milliseconds limit, std::string* output, std::string* records);
  // Returns true once the program itself has ended, even if others still hold its pipes.
  bool HasEnded() const;
  void Kill();
  // Waits for the program's end. Returns its exit status, or 128 + the signal that ended it, and 0
  // when it is called again.
  int Wait();

 private:
  ChildProcess(pid_t pid, int pid_fd, int output, int records);
  // Appends what is in the pipe, and closes the descriptor at its end.
  static void Drain(int* fd, std::string* text);

  const pid_t pid_;
  const int pid_fd_;
  int output_;   // -1 after it was closed.
  int records_;  // -1 after it was closed, or without records.
  bool reaped_ = false;
};

struct ProgramResult {
  int exit_status = 0;  // 128 + the signal when one ended it.
  std::string output;   // Standard output and error together; its first 64 KiB.
};

// Runs a program, its name and arguments in `words`, until it has ended and nobody holds its output
// any more. Kills it when that takes longer than `limit`. Blocks. Errors: Unavailable (it cannot be
// started), DeadlineExceeded.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& words,
                                         std::chrono::milliseconds limit);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SUBPROCESS_H_
