// Makes a repeated request safe: the same request_id with the same request gets the first answer.
#ifndef LONGSHORE_API_SERVER_DOMAIN_REQUEST_ONCE_H_
#define LONGSHORE_API_SERVER_DOMAIN_REQUEST_ONCE_H_

#include <google/protobuf/message.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "storage/database.h"

namespace longshore::domain {

// One request with an optional request_id.
struct OnceRequest {
  std::string method;  // Ids of different methods do not meet.
  std::string request_id;
  const google::protobuf::Message* request;
};

// Runs `prepare` outside of any transaction, then `body` in one, and stores `response` with it.
// With a request_id that has been answered it runs neither and fills `response` from what was
// stored. `body` may run more than once (see storage::Database::Transact) and finds `response`
// cleared each time. `*replayed` says that the answer is an old one. Errors: REQUEST_ID_REUSED,
// INVALID_FIELD for a request_id over 128 bytes, whatever `prepare` and `body` return.
absl::Status AnswerOnce(storage::Database& database, const OnceRequest& once,
                        const std::function<absl::Status()>& prepare,
                        const std::function<absl::Status(storage::Connection&)>& body,
                        google::protobuf::Message* response, bool* replayed);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_REQUEST_ONCE_H_
