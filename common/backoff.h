// Delays between tries: the limit doubles with each failure, up to a maximum, and a delay is chosen
// at random from its upper half, so that a fleet does not come back in step.
#ifndef LONGSHORE_COMMON_BACKOFF_H_
#define LONGSHORE_COMMON_BACKOFF_H_

#include <chrono>

namespace longshore {

// The delay after the first failure, and the longest delay.
struct BackoffOptions {
  std::chrono::milliseconds initial{1000};
  std::chrono::milliseconds maximum{60000};
};

// Returns the delay after `failures` failures in a row, which is 1 or more. `uniform` is a random
// number in [0, 1).
std::chrono::milliseconds BackoffDelay(const BackoffOptions& options, int failures, double uniform);

// Returns a random number in [0, 1) for BackoffDelay. Thread-safe.
double UniformRandom();

}  // namespace longshore

#endif  // LONGSHORE_COMMON_BACKOFF_H_
