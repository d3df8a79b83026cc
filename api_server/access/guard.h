// The guard of the public API: who is asking, and whether they may.
#ifndef LONGSHORE_API_SERVER_ACCESS_GUARD_H_
#define LONGSHORE_API_SERVER_ACCESS_GUARD_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "storage/database.h"

namespace longshore::access {

// Thread-safe. It asks the database at each call: nothing is answered from memory.
class Guard {
 public:
  // `insecure`: callers need no token and may do everything.
  Guard(storage::Database* database, bool insecure) : database_(*database), insecure_(insecure) {}

  // Returns who calls `method` (see permissions.h). `authorization` are the values of that header.
  // Errors: Unauthenticated (TOKEN_MISSING, TOKEN_INVALID), PermissionDenied (ROLE_INSUFFICIENT),
  // Unavailable (the database is away).
  absl::StatusOr<domain::Caller> Admit(const std::vector<std::string>& authorization,
                                       std::string_view method);

 private:
  absl::StatusOr<domain::Caller> Identify(const std::vector<std::string>& authorization);

  storage::Database& database_;
  const bool insecure_;
};

}  // namespace longshore::access

#endif  // LONGSHORE_API_SERVER_ACCESS_GUARD_H_
