// The payload_output table: what scripts printed, in chunks by offset.
#ifndef LONGSHORE_STORAGE_OUTPUT_STORE_H_
#define LONGSHORE_STORAGE_OUTPUT_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/output_limit.h"
#include "storage/connection.h"

namespace longshore::storage {

struct OutputChunk {
  int64_t payload_id = 0;
  int64_t offset = 0;  // Of the first byte in all that the script printed.
  std::string data;
  int64_t lease_epoch = 0;  // Under which lease it is written; kept for checks (verify/).
};

namespace output_store {

// Stores the chunks of the payloads' current attempts and counts them in payloads.output_bytes. A
// chunk that is there already is left alone. No chunk may cross the end of the head. Deletes what
// no longer belongs to head or tail.
absl::Status Append(Connection& connection, const std::vector<OutputChunk>& chunks,
                    const OutputLimit& limit);
// Cuts the outputs of payloads that have just ended to exactly head and tail.
absl::Status Trim(Connection& connection, const std::vector<int64_t>& payload_ids,
                  const OutputLimit& limit);
// What is stored of the first and the last `end_bytes` that were printed, and some more, in order.
absl::StatusOr<std::string> ReadEnds(Connection& connection, int64_t payload_id, int64_t end_bytes);
// The first stored stretch without a gap at or after `offset`, at most `max_bytes` of it; empty
// data when there is none.
absl::StatusOr<OutputChunk> ReadFrom(Connection& connection, int64_t payload_id, int64_t offset,
                                     int64_t max_bytes);

}  // namespace output_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_OUTPUT_STORE_H_
