// Named moments ("fail points") at which a test can crash, hold, stop or fail a process, so that a
// fault comes at exactly the moment that the test is about.
//
// Compiled in only with --//common:fail_points; tests/fault builds such programs beside the shipped
// ones. Without it the macros are empty, and the binary contains no name of a fail point.
//
// A test arms the fail point NAME with a file of that name in the directory $LONGSHORE_FAIL_POINTS.
// The file's text says what happens there:
//   crash       the process sends itself SIGKILL
//   stop        the process sends itself SIGSTOP
//   hold        the thread waits until the file NAME.hit is removed
//   error TEXT  LONGSHORE_RETURN_IF_FAIL_POINT returns UNAVAILABLE with TEXT; LONGSHORE_FAIL_POINT
//               does nothing
// The first thread that comes by takes it by renaming the file to NAME.hit. So each arming takes
// effect once, and a test can see that the moment has been reached. Thread-safe.
#ifndef LONGSHORE_COMMON_FAIL_POINT_H_
#define LONGSHORE_COMMON_FAIL_POINT_H_

#ifdef LONGSHORE_FAIL_POINTS

#include "absl/status/status.h"

namespace longshore {

// Does what the fail point is armed with, if it is. Returns an error only for "error".
absl::Status HitFailPoint(const char* name);

}  // namespace longshore

#define LONGSHORE_FAIL_POINT(name) ::longshore::HitFailPoint(name).IgnoreError()
#define LONGSHORE_RETURN_IF_FAIL_POINT(name)                                       \
  do {                                                                             \
    if (absl::Status hit = ::longshore::HitFailPoint(name); !hit.ok()) return hit; \
  } while (false)

#else

#define LONGSHORE_FAIL_POINT(name) static_cast<void>(0)
#define LONGSHORE_RETURN_IF_FAIL_POINT(name) static_cast<void>(0)

#endif  // LONGSHORE_FAIL_POINTS

#endif  // LONGSHORE_COMMON_FAIL_POINT_H_
