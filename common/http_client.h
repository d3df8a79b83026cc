// A simple HTTP client: each call sends one request and waits for its response.
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
  std::string ca_file;  // PEM; empty: the system's certificates count.
  std::chrono::milliseconds time_limit{20000};
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};  // From Retry-After, at most an hour; 0 without it.
};

// Sends a request and waits for the complete response, whatever its status is. It follows no
// redirect, so that headers, which may hold a token, go to the named server only. Blocks.
// Thread-safe. Errors: Unavailable, without the headers and the body in its message; then it is not
// known whether the request took effect.
absl::StatusOr<HttpResponse> SendHttp(const HttpRequest& request);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_HTTP_CLIENT_H_
