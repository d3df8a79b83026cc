// Lets a main thread wait for SIGTERM and SIGINT.
#ifndef LONGSHORE_COMMON_SHUTDOWN_H_
#define LONGSHORE_COMMON_SHUTDOWN_H_

#include <signal.h>

#include <chrono>

namespace longshore {

// Construct it in main before any thread exists, because threads inherit the blocked signals.
class ShutdownSignals {
 public:
  // Blocks SIGTERM and SIGINT, ignores SIGPIPE.
  ShutdownSignals();
  // Waits for one of the signals and returns its number.
  int Wait();
  // Does the same, but returns 0 when none has come within `limit`.
  int WaitFor(std::chrono::milliseconds limit);

  // Ends the process with status 1 if it has not ended by itself within `limit`, for a drain that
  // waits for something stuck. What was in progress is then as after a kill.
  static void ExitAfter(std::chrono::seconds limit);

 private:
  sigset_t signals_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SHUTDOWN_H_
