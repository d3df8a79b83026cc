// The request_ids table: the answers to requests that had a request_id, so that a repeated request
// gets the same answer.
#ifndef LONGSHORE_STORAGE_REQUEST_ID_STORE_H_
#define LONGSHORE_STORAGE_REQUEST_ID_STORE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

// Each token has request ids of its own; 0: of callers without tokens.
namespace request_id_store {

// A stored answer.
struct Answer {
  std::string fingerprint;  // Of the request, to see whether a repeated one is the same.
  std::string response;     // Serialized.
};
// Returns the stored answer, or nullopt when there is none.
absl::StatusOr<std::optional<Answer>> Find(Connection& connection, int64_t token_id,
                                           const std::string& method,
                                           const std::string& request_id);
// Claims the id for this transaction. Returns false when another transaction has claimed it; waits
// for one that has not ended yet.
absl::StatusOr<bool> Claim(Connection& connection, int64_t token_id, const std::string& method,
                           const std::string& request_id, const std::string& fingerprint);
// Stores the answer under an id that this transaction has claimed.
absl::Status SetResponse(Connection& connection, int64_t token_id, const std::string& method,
                         const std::string& request_id, const std::string& response);

}  // namespace request_id_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_REQUEST_ID_STORE_H_
