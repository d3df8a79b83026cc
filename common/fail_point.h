// Named moments at which a test can crash, hold, stop or fail a process, so that a fault meets its
// moment by design, not by luck.
//
// Compiled in only with --//common:fail_points (tests/fault builds such programs beside the shipped
// ones); otherwise the macros are empty and no name of a moment is in the binary.
//
// A test arms the moment NAME by a file of that name in the directory $LONGSHORE_FAIL_POINTS; its
// text says what is to happen:
//   crash       SIGKILL to the process itself
//   stop        SIGSTOP to the process itself
//   hold        the thread waits until the file NAME.hit is removed
//   error TEXT  LONGSHORE_RETURN_IF_FAIL_POINT returns UNAVAILABLE with TEXT; elsewhere nothing
//   happens
// Whoever comes first takes it, by renaming it to NAME.hit: that a moment has been reached shows
// from outside, and it is met once. Thread-safe.
#ifndef LONGSHORE_COMMON_FAIL_POINT_H_
#define LONGSHORE_COMMON_FAIL_POINT_H_

#ifdef LONGSHORE_FAIL_POINTS

#include "absl/status/status.h"

namespace longshore {

// Does what the moment is armed with; not OK only for "error".
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
