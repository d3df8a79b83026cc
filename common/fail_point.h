// Named moments ("fail points") at which a test can crash, hold, stop or fail a process, so that a
// fault comes at exactly the moment that the test is about.
//
// Only a program that //common:fail_points is linked into can be armed: those that tests/fault
// builds beside the shipped ones. In a shipped program HitFailPoint is null, and nothing looks for
// files.
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

#include "absl/status/status.h"

namespace longshore {

// Does what the fail point is armed with, if it is. Returns an error only for "error". Weak, so
// that the linker chooses, and all that is compiled serves programs with fail points and without.
[[gnu::weak]] absl::Status HitFailPoint(const char* name);

}  // namespace longshore

#define LONGSHORE_FAIL_POINT(name)                                                           \
  do {                                                                                       \
    if (::longshore::HitFailPoint != nullptr) ::longshore::HitFailPoint(name).IgnoreError(); \
  } while (false)
#define LONGSHORE_RETURN_IF_FAIL_POINT(name)                                       \
  do {                                                                             \
    if (::longshore::HitFailPoint == nullptr) break;                               \
    if (absl::Status hit = ::longshore::HitFailPoint(name); !hit.ok()) return hit; \
  } while (false)

#endif  // LONGSHORE_COMMON_FAIL_POINT_H_
