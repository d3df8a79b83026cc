// Makes a repeated request safe: the same request_id with the same request gets the first answer.
#ifndef LONGSHORE_API_SERVER_DOMAIN_REQUEST_ONCE_H_
#define LONGSHORE_API_SERVER_DOMAIN_REQUEST_ONCE_H_

#include <google/protobuf/message.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "api_server/domain/audit.h"
#include "api_server/domain/caller.h"
#include "storage/database.h"

namespace longshore::domain {

// One request with an optional request_id.
struct OnceRequest {
  const Caller* caller;  // Each token has request_ids of its own.
  std::string method;    // So has each method.
  std::string request_id;
  const google::protobuf::Message* request;
  Change* change;  // Filled in by the body.
};

// Calls `prepare` outside of any transaction and then `body` in one, which also stores `response`
// and what was changed.
// When the request_id has been answered before, calls neither and sets `response` to the stored
// answer and `*replayed` to true. `body` may be called again (see storage::Database::Transact) and
// finds `response` cleared each time. Errors: REQUEST_ID_REUSED; INVALID_FIELD for a request_id
// that is over 128 bytes or has a NUL byte; those of `prepare` and `body`.
absl::Status AnswerOnce(storage::Database& database, const OnceRequest& once,
                        const std::function<absl::Status()>& prepare,
                        const std::function<absl::Status(storage::Connection&)>& body,
                        google::protobuf::Message* response, bool* replayed);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_REQUEST_ONCE_H_
