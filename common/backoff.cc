#include "common/backoff.h"

#include <algorithm>
#include <random>

namespace longshore {

std::chrono::milliseconds BackoffDelay(const BackoffOptions& options, int failures,
                                       double uniform) {
  const int doublings = std::clamp(failures - 1, 0, 30);
  const double ceiling = std::min<double>(
      static_cast<double>(options.initial.count()) * static_cast<double>(int64_t{1} << doublings),
      static_cast<double>(options.maximum.count()));
  return std::chrono::milliseconds(static_cast<int64_t>(ceiling * (0.5 + uniform / 2)));
}

double UniformRandom() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace longshore
