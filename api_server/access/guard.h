// The guard of the public API: who is asking, and whether they may.
#ifndef LONGSHORE_API_SERVER_ACCESS_GUARD_H_
#define LONGSHORE_API_SERVER_ACCESS_GUARD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/access/rate_limiter.h"
#include "api_server/domain/caller.h"
#include "storage/database.h"

namespace longshore::access {

// A call of the public API, before anybody knows who makes it.
struct Call {
  std::string method;                      // See permissions.h.
  std::string peer;                        // Where it comes from.
  std::vector<std::string> authorization;  // The values of that header.
  // What the request says of itself, for the audit of a refusal.
  std::string request_id;
  std::string project;
  std::vector<int64_t> ids;
  std::string traceparent;  // W3C trace context; empty when there is none that is well formed.
};

struct GuardOptions {
  bool insecure = false;        // Callers need no token and may do everything.
  int requests_per_second = 0;  // Of each token, on this api_server; 0: there is no limit.
};

// Thread-safe. It asks the database at each call: nothing is answered from memory.
class Guard {
 public:
  Guard(storage::Database* database, GuardOptions options);

  // Returns who makes the call, if they may; a refusal is noted in the audit. Errors:
  // Unauthenticated (TOKEN_MISSING, TOKEN_INVALID), PermissionDenied (ROLE_INSUFFICIENT),
  // ResourceExhausted (QUOTA_EXCEEDED), Unavailable (the database is away).
  absl::StatusOr<domain::Caller> Admit(const Call& call);

  // Notes in the audit that a call of `caller`, who was admitted, ended with an error, if it would
  // have changed something.
  void NoteFailure(const domain::Caller& caller, const Call& call, const absl::Status& why);

 private:
  // `former` becomes the caller whose token was right once, if the token is revoked or has expired.
  absl::StatusOr<domain::Caller> Identify(const std::vector<std::string>& authorization,
                                          std::optional<domain::Caller>* former);
  // Checks what an identified caller may do.
  absl::Status Check(const domain::Caller& caller, const Call& call);
  // `caller` is null when nobody was identified.
  void NoteRefusal(const domain::Caller* caller, const Call& call, const absl::Status& why);

  storage::Database& database_;
  const GuardOptions options_;
  RateLimiter requests_;  // By token.
  RateLimiter refusals_;  // That are noted, by token; 0: of all who show none that counts.
};

}  // namespace longshore::access

#endif  // LONGSHORE_API_SERVER_ACCESS_GUARD_H_
