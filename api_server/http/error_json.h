// Errors of the services as HTTP and JSON-RPC have them.
#ifndef LONGSHORE_API_SERVER_HTTP_ERROR_JSON_H_
#define LONGSHORE_API_SERVER_HTTP_ERROR_JSON_H_

#include "absl/status/status.h"
#include "api_server/http/json_reader.h"
#include "http/message.h"

namespace longshore::api_http {

// As the comments of google.rpc.Code map them.
int HttpStatus(absl::StatusCode code);

// {"error": {"code": "NOT_FOUND", "reason": "PAYLOAD_NOT_FOUND", "message": "...", "details":
// [...]}}
Json RestError(const absl::Status& error);

// Codes of JSON-RPC 2.0, section 5.1.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;

// {"code": -32005, "message": "...", "data": {"code": "NOT_FOUND", "reason": "...", ...}}. The code
// is kInvalidParams for InvalidArgument, else -32000 less gRPC's code.
Json JsonRpcError(const absl::Status& error);

// An answer with `json` as its body.
http::Response JsonResponse(int status, const Json& json);
// The answer of a REST call that has failed.
http::Response ErrorResponse(const absl::Status& error);

// Adds what HTTP says in headers about an error: who is to show a token, and when to try again.
void AddErrorHeaders(const absl::Status& error, http::Response* response);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_ERROR_JSON_H_
