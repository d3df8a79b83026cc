// The rules of AccessService.
#ifndef LONGSHORE_API_SERVER_ACCESS_TOKEN_MANAGER_H_
#define LONGSHORE_API_SERVER_ACCESS_TOKEN_MANAGER_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "longshore/v1/access_service.pb.h"
#include "storage/database.h"

namespace longshore::access {

// Thread-safe. Errors are those of api_server/domain/errors.h.
class TokenManager {
 public:
  explicit TokenManager(storage::Database* database) : database_(*database) {}

  absl::StatusOr<v1::CreateTokenResponse> Create(const domain::Caller& caller,
                                                 const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> List(const domain::Caller& caller,
                                              const v1::ListTokensRequest& request);
  absl::StatusOr<v1::Token> Revoke(const domain::Caller& caller, int64_t token_id);
  absl::StatusOr<v1::ListAuditEventsResponse> ListAudit(const domain::Caller& caller,
                                                        const v1::ListAuditEventsRequest& request);

 private:
  storage::Database& database_;
};

// Makes the first token, ROLE_ADMIN of every project, and writes it to `path` with the mode 0600,
// unless there is a token already. Errors: Unavailable; FailedPrecondition when the file cannot be
// written.
absl::Status WriteFirstToken(storage::Database& database, const std::string& path);

}  // namespace longshore::access

#endif  // LONGSHORE_API_SERVER_ACCESS_TOKEN_MANAGER_H_
