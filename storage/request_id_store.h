// The request_ids table: what was answered to a request, so that the same request again gets the
// same answer.
#ifndef LONGSHORE_STORAGE_REQUEST_ID_STORE_H_
#define LONGSHORE_STORAGE_REQUEST_ID_STORE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/connection.h"

namespace longshore::storage {

namespace request_id_store {

struct Answer {
  std::string fingerprint;  // Of the request that was answered.
  std::string response;     // Serialized.
};
absl::StatusOr<std::optional<Answer>> Find(Connection& connection, const std::string& method,
                                           const std::string& request_id);
// Claims the id for this transaction: false when another transaction has answered it. Waits for
// one that is about to.
absl::StatusOr<bool> Claim(Connection& connection, const std::string& method,
                           const std::string& request_id, const std::string& fingerprint);
absl::Status SetResponse(Connection& connection, const std::string& method,
                         const std::string& request_id, const std::string& response);

}  // namespace request_id_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_REQUEST_ID_STORE_H_
