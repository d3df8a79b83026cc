// Runs programs.
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
  std::vector<std::string> words;        // The program, found in PATH, and its arguments.
  std::vector<std::string> environment;  // "NAME=value", besides this process's own.
  bool records = false;                  // Its descriptor 3 is another pipe to this process.
};

// A program that runs, in a process group of its own: standard input empty, output and error in one
// pipe, and no other descriptor of this process. Not thread-safe.
class ChildProcess {
 public:
  // Errors: Unavailable (it cannot be started).
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(const ChildOptions& options);
  // Kills it and what is left of its group, and reaps it.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits up to `limit` for something to happen, then adds to `output` and `records` what has been
  // written. False once everybody who could write has closed both; `records` may be null.
  bool Read(std::chrono::milliseconds limit, std::string* output, std::string* records);
  // True once the program itself has ended, whoever else still writes.
  bool HasEnded() const;
  void Kill();
  // Waits for its end: the exit status, or 128 + the signal that ended it.
  int Wait();

 private:
  ChildProcess(pid_t pid, int pid_fd, int output, int records);
  // Adds what is there; closes the descriptor at its end.
  static void Drain(int* fd, std::string* text);

  const pid_t pid_;
  const int pid_fd_;
  int output_;   // -1 once closed.
  int records_;  // The same, or when there is none.
  bool reaped_ = false;
};

struct ProgramResult {
  int exit_status = 0;  // 128 + the signal when one ended it.
  std::string output;   // Standard output and error together; its first 64 KiB.
};

// Runs `words` until it has ended and nobody holds its output any more. Kills it when that takes
// longer than `limit`. Blocks. Errors: Unavailable (cannot be started), DeadlineExceeded.
absl::StatusOr<ProgramResult> RunProgram(const std::vector<std::string>& words,
                                         std::chrono::milliseconds limit);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SUBPROCESS_H_
