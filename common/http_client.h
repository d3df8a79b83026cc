// A simple HTTP client: each call sends one request and waits for its response.
#ifndef LONGSHORE_COMMON_HTTP_CLIENT_H_
#define LONGSHORE_COMMON_HTTP_CLIENT_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

struct sockaddr;

namespace longshore {

struct HttpRequest {
  std::string method = "GET";
  std::string url;                   // http:// or https://.
  std::vector<std::string> headers;  // "Name: value".
  std::string body;
  std::string ca_file;  // PEM; empty: the system's certificates count.
  std::chrono::milliseconds time_limit{20000};
  std::chrono::milliseconds connect_limit{0};  // The part until it is connected; 0: all.
  // What errors call the server; empty: the URL, which may be a secret itself.
  std::string name;
  // Whether an address may be connected to; null: any may. It is asked about the address itself, so
  // no name, and no change of what a name stands for, leads past it. No proxy is used then.
  std::function<bool(const sockaddr&)> may_connect;
  // Only the status and Retry-After count: the response is not waited for beyond its head.
  bool status_only = false;
  // Ends the request within a second or so once it is true; null: nothing does. Not owned.
  const std::atomic<bool>* cancelled = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};  // From Retry-After, at most an hour; 0 without it.
};

// Sends a request and waits for the complete response, whatever its status is. It follows no
// redirect, so that headers, which may hold a token, go to the named server only. Blocks.
// Thread-safe. Errors, without the headers and the body in their messages: PermissionDenied (no
// address of the server may be connected to, so nothing was sent); Cancelled and Unavailable: it is
// not known whether the request took effect.
absl::StatusOr<HttpResponse> SendHttp(const HttpRequest& request);

}  // namespace longshore

#endif  // LONGSHORE_COMMON_HTTP_CLIENT_H_
