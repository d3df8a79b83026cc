// HTTP requests, one at a time each.
#ifndef LONGSHORE_COMMON_HTTP_CLIENT_H_
#define LONGSHORE_COMMON_HTTP_CLIENT_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace longshore {

struct HttpRequest {
  std::string method = "GET";
  std::string url;                   // http:// or https://.
  std::vector<std::string> headers;  // "Name: value".
  std::string body;
  std::chrono::milliseconds time_limit{20000};
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};  // 0 when the server does not say.
};

// Blocks. Follows no redirect, so that a header goes to nobody but the server named. Thread-safe.
// Errors: Unavailable (no complete answer: whether the request took effect is not known), which
// name neither headers nor body.
absl::StatusOr<HttpResponse> SendHttp(const HttpRequest& request);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_HTTP_CLIENT_H_
