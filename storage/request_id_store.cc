#include "storage/request_id_store.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {

namespace request_id_store {

absl::StatusOr<std::optional<Answer>> Find(Connection& connection, int64_t token_id,
                                           const std::string& method,
                                           const std::string& request_id) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kGetRequestAnswer,
                                                           Params()
                                                               .Int("token_id", token_id)
                                                               .Text("method", method)
                                                               .Text("request_id", request_id)));
  if (result.rows() == 0) return std::nullopt;
  return Answer{.fingerprint = result.first().Bytes("fingerprint"),
                .response = result.first().Bytes("response")};
}

absl::StatusOr<bool> Claim(Connection& connection, int64_t token_id, const std::string& method,
                           const std::string& request_id, const std::string& fingerprint) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kClaimRequestId,
                                                           Params()
                                                               .Int("token_id", token_id)
                                                               .Text("method", method)
                                                               .Text("request_id", request_id)
                                                               .Bytes("fingerprint", fingerprint)));
  return result.affected() == 1;
}

absl::Status SetResponse(Connection& connection, int64_t token_id, const std::string& method,
                         const std::string& request_id, const std::string& response) {
  return connection
      .Execute(queries::kSetRequestAnswer, Params()
                                               .Int("token_id", token_id)
                                               .Text("method", method)
                                               .Text("request_id", request_id)
                                               .Bytes("response", response))
      .status();
}

}  // namespace request_id_store

}  // namespace longshore::storage
