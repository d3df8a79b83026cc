#include "storage/output_store.h"

#include "common/status_macros.h"

namespace longshore::storage {
namespace {

// Chunks are at most 64 KiB: this many are read at a time, then joined up to the caller's limit.
constexpr int kChunksPerRead = 16;

absl::Status DeleteMiddle(Connection& connection, const std::vector<int64_t>& payload_ids,
                          const OutputLimit& limit) {
  return connection
      .Execute(
          "DELETE FROM payload_output o USING payloads p"
          " WHERE p.id = ANY ($1::bigint[]) AND p.output_bytes > $2::bigint"
          " AND o.payload_id = p.id AND o.attempt = p.attempt"
          " AND o.start_byte >= $3::bigint AND o.end_byte <= p.output_bytes - $4::bigint",
          Params().Ints(payload_ids).Int(limit.total()).Int(limit.head).Int(limit.tail))
      .status();
}

}  // namespace

absl::Status OutputStore::Append(Connection& connection, const std::vector<OutputChunk>& chunks,
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
  RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO payload_output (payload_id, attempt, start_byte, end_byte, data,"
                   " lease_epoch)"
                   " SELECT u.id, p.attempt, u.start_byte, u.end_byte, u.data, u.lease_epoch"
                   " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[],"
                   " $5::bigint[]) AS u(id, start_byte, end_byte, data, lease_epoch)"
                   " JOIN payloads p ON p.id = u.id ON CONFLICT DO NOTHING",
                   Params()
                       .Ints(payload_ids)
                       .Ints(starts)
                       .Ints(ends)
                       .BytesArray(data)
                       .Ints(lease_epochs))
          .status());
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          "UPDATE payloads p SET output_bytes = u.end_byte, updated_at = now(),"
          " output_truncated = u.end_byte > $3::bigint"
          " FROM (SELECT id, max(end_byte) AS end_byte FROM unnest($1::bigint[], $2::bigint[])"
          " AS c(id, end_byte) GROUP BY id) u"
          " WHERE p.id = u.id AND u.end_byte > p.output_bytes"
          " AND p.status IN ('PENDING', 'TRANSFERRED', 'EXECUTING') RETURNING p.output_truncated",
          Params().Ints(payload_ids).Ints(ends).Int(limit.total())));
  bool truncated = false;
  for (int row = 0; row < result.rows(); ++row) truncated = truncated || result.Bool(row, 0);
  return truncated ? DeleteMiddle(connection, payload_ids, limit) : absl::OkStatus();
}

absl::Status OutputStore::Trim(Connection& connection, const std::vector<int64_t>& payload_ids,
                               const OutputLimit& limit) {
  RETURN_IF_ERROR(DeleteMiddle(connection, payload_ids, limit));
  return connection
      .Execute(
          "UPDATE payload_output o SET start_byte = p.output_bytes - $4::bigint,"
          " data = substr(o.data, (p.output_bytes - $4 - o.start_byte + 1)::integer)"
          " FROM payloads p WHERE p.id = ANY ($1::bigint[])"
          " AND p.output_bytes > $2::bigint AND o.payload_id = p.id AND o.attempt = p.attempt"
          " AND o.start_byte >= $3::bigint AND o.start_byte < p.output_bytes - $4"
          " AND o.end_byte > p.output_bytes - $4",
          Params().Ints(payload_ids).Int(limit.total()).Int(limit.head).Int(limit.tail))
      .status();
}

absl::StatusOr<std::string> OutputStore::ReadAll(Connection& connection, int64_t payload_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT o.data FROM payload_output o JOIN payloads p"
                                      " ON p.id = o.payload_id AND p.attempt = o.attempt"
                                      " WHERE p.id = $1 ORDER BY o.start_byte",
                                      Params().Int(payload_id)));
  std::string output;
  for (int row = 0; row < result.rows(); ++row) output += result.Bytes(row, 0);
  return output;
}

absl::StatusOr<OutputChunk> OutputStore::ReadFrom(Connection& connection, int64_t payload_id,
                                                  int64_t offset, int64_t max_bytes) {
  // The chunk that holds `offset` is the last one that starts at or before it, if any.
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(
                       "SELECT o.start_byte, o.data FROM payload_output o JOIN payloads p"
                       " ON p.id = o.payload_id AND p.attempt = o.attempt"
                       " WHERE p.id = $1 AND o.end_byte > $2 AND o.start_byte >= coalesce("
                       "  (SELECT max(l.start_byte) FROM payload_output l WHERE l.payload_id = p.id"
                       "   AND l.attempt = p.attempt AND l.start_byte <= $2), 0)"
                       " ORDER BY o.start_byte LIMIT $3",
                       Params().Int(payload_id).Int(offset).Int(kChunksPerRead)));
  OutputChunk chunk{.payload_id = payload_id, .offset = offset};
  for (int row = 0; row < result.rows(); ++row) {
    const int64_t start = result.Int(row, 0);
    const std::string data = result.Bytes(row, 1);
    if (row == 0) {
      chunk.offset = std::max(start, offset);
      chunk.data = data.substr(chunk.offset - start);
      continue;
    }
    const int64_t end = chunk.offset + static_cast<int64_t>(chunk.data.size());
    if (start != end || end - chunk.offset + static_cast<int64_t>(data.size()) > max_bytes) break;
    chunk.data += data;
  }
  return chunk;
}

}  // namespace longshore::storage
