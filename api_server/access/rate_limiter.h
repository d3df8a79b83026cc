// Limits how often something is done.
#ifndef LONGSHORE_API_SERVER_ACCESS_RATE_LIMITER_H_
#define LONGSHORE_API_SERVER_ACCESS_RATE_LIMITER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>

#include "common/mutex.h"

namespace longshore::access {

// Thread-safe. A token bucket for each key.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;
  // 0 as `per_second`: there is no limit. A bucket holds `burst`, which is that of one second where
  // it is 0. `now` is replaced in tests.
  explicit RateLimiter(int per_second, int burst = 0,
                       std::function<Clock::time_point()> now = Clock::now)
      : per_second_(per_second), burst_(burst == 0 ? per_second : burst), now_(std::move(now)) {}

  // Returns 0 and counts one more, or returns how long there is nothing left for this key.
  std::chrono::milliseconds Take(int64_t key) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Bucket {
    double left;
    Clock::time_point at;  // When it held that much.
  };
  void ForgetFullBuckets(Clock::time_point now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int per_second_;
  const int burst_;
  const std::function<Clock::time_point()> now_;
  Mutex mutex_;
  std::map<int64_t, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore::access

#endif  // LONGSHORE_API_SERVER_ACCESS_RATE_LIMITER_H_
