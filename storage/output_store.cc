#include "storage/output_store.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

// Chunks are at most 64 KiB: this many are read at a time, then joined up to the caller's limit.
constexpr int kChunksPerRead = 16;

Params TrimParams(const std::vector<int64_t>& payload_ids, const OutputLimit& limit) {
  return Params()
      .Ints("payload_ids", payload_ids)
      .Int("kept_bytes", limit.total())
      .Int("head_bytes", limit.head)
      .Int("tail_bytes", limit.tail);
}

}  // namespace

namespace output_store {

absl::Status Append(Connection& connection, const std::vector<OutputChunk>& chunks,
                    const OutputLimit& limit) {
  if (chunks.empty()) return absl::OkStatus();
  std::vector<int64_t> payload_ids;
  std::vector<int64_t> starts;
  std::vector<int64_t> ends;
  std::vector<std::string> data;
  std::vector<int64_t> lease_epochs;
  for (const OutputChunk& chunk : chunks) {
    lease_epochs.push_back(chunk.lease_epoch);
    payload_ids.push_back(chunk.payload_id);
    starts.push_back(chunk.offset);
    ends.push_back(chunk.offset + static_cast<int64_t>(chunk.data.size()));
    data.push_back(chunk.data);
  }
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kAppendOutput,
                                                           Params()
                                                               .Ints("payload_ids", payload_ids)
                                                               .Ints("start_bytes", starts)
                                                               .Ints("end_bytes", ends)
                                                               .BytesArray("data", data)
                                                               .Ints("lease_epochs", lease_epochs)
                                                               .Int("kept_bytes", limit.total())));
  bool truncated = false;
  for (const Row row : result) truncated = truncated || row.Bool("output_truncated");
  if (!truncated) return absl::OkStatus();
  return connection.Execute(queries::kDeleteMiddleOfOutput, TrimParams(payload_ids, limit))
      .status();
}

absl::Status Trim(Connection& connection, const std::vector<int64_t>& payload_ids,
                  const OutputLimit& limit) {
  const Params params = TrimParams(payload_ids, limit);
  RETURN_IF_ERROR(connection.Execute(queries::kDeleteMiddleOfOutput, params).status());
  return connection.Execute(queries::kTrimOutput, params).status();
}

absl::StatusOr<std::string> ReadEnds(Connection& connection, int64_t payload_id,
                                     int64_t end_bytes) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kReadOutputEnds,
                         Params().Int("payload_id", payload_id).Int("end_bytes", end_bytes)));
  std::string output;
  for (const Row row : result) output += row.Bytes("data");
  return output;
}

absl::StatusOr<OutputChunk> ReadFrom(Connection& connection, int64_t payload_id, int64_t offset,
                                     int64_t max_bytes, int attempt) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kReadOutputFrom, Params()
                                                                    .Int("payload_id", payload_id)
                                                                    .Int("attempt", attempt)
                                                                    .Int("offset", offset)
                                                                    .Int("limit", kChunksPerRead)));
  OutputChunk chunk{.payload_id = payload_id, .offset = offset};
  for (const Row row : result) {
    const int64_t start = row.Int("start_byte");
    const std::string data = row.Bytes("data");
    if (chunk.data.empty()) {
      chunk.offset = std::max(start, offset);
      chunk.data = data.substr(chunk.offset - start, max_bytes);
      continue;
    }
    const int64_t end = chunk.offset + static_cast<int64_t>(chunk.data.size());
    if (start != end || end - chunk.offset + static_cast<int64_t>(data.size()) > max_bytes) break;
    chunk.data += data;
  }
  return chunk;
}

}  // namespace output_store

}  // namespace longshore::storage
