// Tells how long a loop is busy without waiting for anything new, so that somebody else can see
// that it hangs.
#ifndef LONGSHORE_COMMON_TURN_TIMER_H_
#define LONGSHORE_COMMON_TURN_TIMER_H_

#include <atomic>
#include <chrono>

namespace longshore {

// The loop's thread calls Begin and End; everything is thread-safe.
class TurnTimer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // The loop has something to do.
  void Begin(Time now = std::chrono::steady_clock::now()) { begun_ = now; }
  // It waits until there is more.
  void End() { begun_ = Time::max(); }
  // Returns how long the turn has taken until now; zero while the loop waits.
  std::chrono::nanoseconds Taken(Time now = std::chrono::steady_clock::now()) const {
    const Time begun = begun_;
    return begun < now ? now - begun : std::chrono::nanoseconds(0);
  }

 private:
  std::atomic<Time> begun_ = Time::max();
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_TURN_TIMER_H_
