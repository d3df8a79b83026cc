// Time that a test can hold still. Thread-safe.
#ifndef LONGSHORE_COMMON_CLOCK_H_
#define LONGSHORE_COMMON_CLOCK_H_

#include <chrono>

namespace longshore {

// Monotonic time that goes on while the machine is suspended, so that a lease is never trusted for
// longer than it is.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::nanoseconds SinceBoot() const = 0;

  // The machine's own clock (CLOCK_BOOTTIME).
  static const Clock* Real();
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_CLOCK_H_
