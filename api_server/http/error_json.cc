#include "api_server/http/error_json.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "api_server/http/json_mapper.h"
#include "common/status.h"
#include "google/rpc/error_details.pb.h"

namespace longshore::api_http {
namespace {

// Returns false when the error has no such detail.
template <typename Detail>
bool Find(const google::rpc::Status& error, Detail* detail) {
  return std::any_of(error.details().begin(), error.details().end(),
                     [&](const auto& any) { return any.UnpackTo(detail); });
}

}  // namespace

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
      return 200;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kCancelled:
      return 499;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

Json RestError(const absl::Status& error) {
  const google::rpc::Status status = ToRpcStatus(error);
  // A status has its details in no order.
  std::map<std::string, Json> by_type;
  for (const auto& any : status.details()) {
    if (Json detail = ToJson(any); !detail.is_null()) by_type[any.type_url()] = std::move(detail);
  }
  Json details = Json::array();
  for (auto& [type, detail] : by_type) details.push_back(std::move(detail));
  return {{"error",
           {{"code", absl::StatusCodeToString(error.code())},
            {"reason", ReasonOf(error)},
            {"message", ToString(error)},
            {"details", std::move(details)}}}};
}

Json JsonRpcError(const absl::Status& error) {
  const google::rpc::Status status = ToRpcStatus(error);
  Json data{{"code", absl::StatusCodeToString(error.code())}, {"reason", ReasonOf(error)}};
  if (google::rpc::BadRequest bad; Find(status, &bad)) data.update(ToJson(bad));
  if (google::rpc::ResourceInfo resource; Find(status, &resource)) {
    data["resource_type"] = resource.resource_type();
    data["resource_name"] = resource.resource_name();
  }
  if (google::rpc::RetryInfo retry; Find(status, &retry)) data.update(ToJson(retry));
  const int code = error.code() == absl::StatusCode::kInvalidArgument
                       ? kInvalidParams
                       : -32000 - static_cast<int>(error.code());
  return {{"code", code}, {"message", ToString(error)}, {"data", std::move(data)}};
}

http::Response JsonResponse(int status, const Json& json) {
  return {.status = status,
          .headers = {{"content-type", "application/json"}},
          .body = Text(json) + "\n"};
}

void AddErrorHeaders(const absl::Status& error, http::Response* response) {
  if (absl::IsUnauthenticated(error)) {
    response->headers.emplace_back("www-authenticate", "Bearer realm=\"longshore\"");
  }
  if (google::rpc::RetryInfo retry; Find(ToRpcStatus(error), &retry)) {
    const int64_t seconds = retry.retry_delay().seconds() + (retry.retry_delay().nanos() > 0);
    response->headers.emplace_back("retry-after", std::to_string(seconds));
  }
}

http::Response ErrorResponse(const absl::Status& error) {
  http::Response response = JsonResponse(HttpStatus(error.code()), RestError(error));
  AddErrorHeaders(error, &response);
  return response;
}

}  // namespace longshore::api_http
