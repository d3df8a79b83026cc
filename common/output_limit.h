// The rules for how much of what a script prints is kept, for everybody who cuts it: the worker
// that sends it, the server that checks it, the store.
#ifndef LONGSHORE_COMMON_OUTPUT_LIMIT_H_
#define LONGSHORE_COMMON_OUTPUT_LIMIT_H_

#include <cstdint>

namespace longshore {

// No script prints as much: a petabyte. Larger sizes and offsets are refused, so that sums of them
// stay far from an overflow.
inline constexpr int64_t kMaxPrintedBytes = int64_t{1} << 50;

// How much of an output is kept when it is longer than the limit: its first `head` and its last
// `tail` bytes.
struct OutputLimit {
  explicit OutputLimit(int64_t max_output_bytes)
      : head(max_output_bytes / 2), tail(max_output_bytes - head) {}
  int64_t head;
  int64_t tail;
  int64_t total() const { return head + tail; }
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_OUTPUT_LIMIT_H_
