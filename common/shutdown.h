// Turns SIGTERM and SIGINT into something a main thread can wait for.
#ifndef LONGSHORE_COMMON_SHUTDOWN_H_
#define LONGSHORE_COMMON_SHUTDOWN_H_

#include <signal.h>

#include <chrono>

namespace longshore {

// Construct first thing in main, before any thread exists: threads inherit the blocked signals.
class ShutdownSignals {
 public:
  // Blocks SIGTERM and SIGINT, ignores SIGPIPE.
  ShutdownSignals();
  // Returns the signal's number once one has come.
  int Wait();
  // The same, but 0 when none has come within `limit`.
  int WaitFor(std::chrono::milliseconds limit);

  // Ends the process with status 1 when it has not ended by itself within `limit`: for a drain that
  // waits for something that is stuck. What was in hand is then as after a kill.
  static void ExitAfter(std::chrono::seconds limit);

 private:
  sigset_t signals_;
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_SHUTDOWN_H_
