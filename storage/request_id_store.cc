#include "storage/request_id_store.h"

#include "common/status_macros.h"

namespace longshore::storage {

absl::StatusOr<std::optional<RequestIdStore::Answer>> RequestIdStore::Find(
    Connection& connection, const std::string& method, const std::string& request_id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT fingerprint, response FROM request_ids"
                                      " WHERE method = $1 AND request_id = $2",
                                      Params().Text(method).Text(request_id)));
  if (result.rows() == 0) return std::nullopt;
  return Answer{.fingerprint = result.Bytes(0, 0), .response = result.Bytes(0, 1)};
}

absl::StatusOr<bool> RequestIdStore::Claim(Connection& connection, const std::string& method,
                                           const std::string& request_id,
                                           const std::string& fingerprint) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("INSERT INTO request_ids (method, request_id, fingerprint, response)"
                         " VALUES ($1, $2, $3, '') ON CONFLICT DO NOTHING",
                         Params().Text(method).Text(request_id).Bytes(fingerprint)));
  return result.affected() == 1;
}

absl::Status RequestIdStore::SetResponse(Connection& connection, const std::string& method,
                                         const std::string& request_id,
                                         const std::string& response) {
  return connection
      .Execute("UPDATE request_ids SET response = $3 WHERE method = $1 AND request_id = $2",
               Params().Text(method).Text(request_id).Bytes(response))
      .status();
}

}  // namespace longshore::storage
