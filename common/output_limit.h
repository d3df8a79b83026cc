// How much of a script's output is kept. The worker that sends it, the api_server that checks it
// and the store that cuts it share these rules.
#ifndef LONGSHORE_COMMON_OUTPUT_LIMIT_H_
#define LONGSHORE_COMMON_OUTPUT_LIMIT_H_

#include <cstdint>

namespace longshore {

// A petabyte, more than any script prints. Larger sizes and offsets are refused, so that sums of
// them cannot overflow.
inline constexpr int64_t kMaxPrintedBytes = int64_t{1} << 50;

// Of an output longer than the limit the first `head` and the last `tail` bytes are kept.
struct OutputLimit {
  explicit OutputLimit(int64_t max_output_bytes)
      : head(max_output_bytes / 2), tail(max_output_bytes - head) {}
  int64_t head;
  int64_t tail;
  int64_t total() const { return head + tail; }
};

}  // namespace longshore

#endif  // LONGSHORE_COMMON_OUTPUT_LIMIT_H_
