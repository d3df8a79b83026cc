// The payload_output table: what scripts have printed, in chunks. Offsets count from the beginning
// of all that a script printed.
#ifndef LONGSHORE_STORAGE_OUTPUT_STORE_H_
#define LONGSHORE_STORAGE_OUTPUT_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/output_limit.h"
#include "storage/connection.h"

namespace longshore::storage {

// A piece of a payload's output.
struct OutputChunk {
  int64_t payload_id = 0;
  int64_t offset = 0;  // Of its first byte.
  std::string data;
  int64_t lease_epoch = 0;  // The lease that it is written under; kept for checks (verify/).
};

namespace output_store {

// Stores chunks for the current attempts of their payloads (Payload.attempt) and updates
// payloads.output_bytes. A chunk that is stored already is left alone. No chunk may cross the end
// of the head. Chunks that no longer belong to head or tail are deleted.
absl::Status Append(Connection& connection, const std::vector<OutputChunk>& chunks,
                    const OutputLimit& limit);
// Cuts the outputs of payloads that have just ended to exactly head and tail.
absl::Status Trim(Connection& connection, const std::vector<int64_t>& payload_ids,
                  const OutputLimit& limit);
// Returns what is stored of the first and the last `end_bytes` that were printed, in order. Whole
// chunks are returned, so it may be more.
absl::StatusOr<std::string> ReadEnds(Connection& connection, int64_t payload_id, int64_t end_bytes);
// Returns the first stored piece at or after `offset`, up to the next gap, of at most `max_bytes`
// and 16 chunks. Its data is empty when nothing more is stored, or when `attempt` is given and not
// the payload's any more.
absl::StatusOr<OutputChunk> ReadFrom(Connection& connection, int64_t payload_id, int64_t offset,
                                     int64_t max_bytes, int attempt = 0);

}  // namespace output_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_OUTPUT_STORE_H_
