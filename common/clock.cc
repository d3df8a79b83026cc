#include "common/clock.h"

#include <time.h>

namespace longshore {
namespace {

class BootClock : public Clock {
 public:
  std::chrono::nanoseconds SinceBoot() const override {
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  }
};

}  // namespace

const Clock* Clock::Real() {
  static const BootClock clock;
  return &clock;
}

}  // namespace longshore
