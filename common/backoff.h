// Exponential backoff with full jitter in its upper half: enough spread that a fleet does not come
// back in step.
#ifndef LONGSHORE_COMMON_BACKOFF_H_
#define LONGSHORE_COMMON_BACKOFF_H_

#include <chrono>

namespace longshore {

struct BackoffOptions {
  std::chrono::milliseconds initial{1000};
  std::chrono::milliseconds maximum{60000};
};

// The delay before try number `failures` + 1, for `failures` >= 1. `uniform` is a random number in
// [0, 1).
std::chrono::milliseconds BackoffDelay(const BackoffOptions& options, int failures, double uniform);

// A random number in [0, 1) for BackoffDelay. Thread-safe.
double UniformRandom();

}  // namespace longshore

#endif  // LONGSHORE_COMMON_BACKOFF_H_
