// A clock that a test can replace by one that stands still. Thread-safe.
#ifndef LONGSHORE_COMMON_CLOCK_H_
#define LONGSHORE_COMMON_CLOCK_H_

#include <chrono>

namespace longshore {

// Monotonic time that goes on while the machine is suspended. The worker measures its leases with
// it, so that it does not trust one that ran out during a suspend.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::nanoseconds SinceBoot() const = 0;

  // Returns the machine's own clock (CLOCK_BOOTTIME), which lives for ever.
  static const Clock* Real();
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_CLOCK_H_
