#include "api_server/access/rate_limiter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace longshore::access {
namespace {

// A bucket that is full is as good as none: more of them than this are looked through.
constexpr size_t kMaxBuckets = 10000;

using Seconds = std::chrono::duration<double>;

}  // namespace

std::chrono::milliseconds RateLimiter::Take(int64_t key) {
  if (per_second_ == 0) return std::chrono::milliseconds(0);
  const Clock::time_point now = now_();
  MutexLock lock(&mutex_);
  if (buckets_.size() > kMaxBuckets) ForgetFullBuckets(now);
  Bucket& bucket =
      buckets_.try_emplace(key, Bucket{static_cast<double>(burst_), now}).first->second;
  bucket.left =
      std::min<double>(burst_, bucket.left + Seconds(now - bucket.at).count() * per_second_);
  bucket.at = now;
  if (bucket.left >= 1) {
    bucket.left -= 1;
    return std::chrono::milliseconds(0);
  }
  return std::chrono::milliseconds(
      static_cast<int64_t>(std::ceil((1 - bucket.left) / per_second_ * 1000)));
}

void RateLimiter::ForgetFullBuckets(Clock::time_point now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    const Bucket& bucket = entry.second;
    return bucket.left + Seconds(now - bucket.at).count() * per_second_ >= burst_;
  });
}

}  // namespace longshore::access
