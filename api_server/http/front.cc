#include "api_server/http/front.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "api_server/http/console_page.h"
#include "api_server/http/error_json.h"
#include "api_server/http/openapi.h"
#include "common/trace_context.h"
#include "http/target.h"

namespace longshore::api_http {
namespace {

using http::Exchange;
using http::Request;

bool Contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// They say nothing of anybody, so they need no token.
constexpr char kHealth[] = "/healthz";
constexpr char kReadiness[] = "/readyz";
constexpr char kOpenApi[] = "/api/openapi.json";

bool IsHealth(const Request& request) {
  return request.path == kHealth || request.path == kReadiness;
}

// To read a larger body takes a while, in which the threads of connections have other things to do.
constexpr size_t kLargeBody = 64 << 10;

// Bodies of other types are not read: a form of a page anywhere may send them without being asked.
// The type of a form itself is what curl -d says by itself; the Origin tells it from a page's.
bool MayBeJson(std::string_view content_type) {
  const std::string type =
      absl::AsciiStrToLower(std::string(content_type.substr(0, content_type.find(';'))));
  return type.empty() || absl::StrContains(type, "json") ||
         type == "application/x-www-form-urlencoded";
}

// An exchange whose answers have these headers besides their own.
class WithHeaders : public Exchange {
 public:
  WithHeaders(std::shared_ptr<Exchange> inner, http::Fields headers)
      : inner_(std::move(inner)), headers_(std::move(headers)) {}

  const Request& request() const override { return inner_->request(); }
  void Respond(http::Response response) override {
    Add(&response);
    inner_->Respond(std::move(response));
  }
  void Begin(http::Response head, std::shared_ptr<http::StreamClient> client,
             http::Heartbeat heartbeat) override {
    Add(&head);
    inner_->Begin(std::move(head), std::move(client), std::move(heartbeat));
  }
  void Write(std::string piece) override { inner_->Write(std::move(piece)); }
  void End() override { inner_->End(); }
  void Abort() override { inner_->Abort(); }

 private:
  void Add(http::Response* response) const {
    response->headers.insert(response->headers.end(), headers_.begin(), headers_.end());
  }

  const std::shared_ptr<Exchange> inner_;
  const http::Fields headers_;
};

// Of every answer: what it is for is its business alone.
http::Fields SafeHeaders() {
  return {{"x-content-type-options", "nosniff"},
          {"cache-control", "no-store"},
          {"content-security-policy", "default-src 'none'; frame-ancestors 'none'"},
          {"referrer-policy", "no-referrer"}};
}

http::Fields SharingHeaders(std::string_view origin) {
  return {{"access-control-allow-origin", std::string(origin)}, {"vary", "origin"}};
}

http::Response Refusal(int status, const absl::Status& error) {
  http::Response response = ErrorResponse(error);
  response.status = status;
  return response;
}

http::Response Preflight() {
  return {.status = 204,
          .headers = {
              {"access-control-allow-methods", "GET, POST, PATCH, DELETE"},
              {"access-control-allow-headers", "authorization, content-type, last-event-id, range"},
              {"access-control-max-age", "600"}}};
}

}  // namespace

Front::Front(std::shared_ptr<grpc::Channel> channel,
             std::function<absl::StatusOr<int64_t>()> check_ready, MetricsHooks metrics,
             FrontOptions options)
    : rpc_(std::move(channel)),
      options_(std::move(options)),
      json_rpc_(&rpc_),
      rest_(&rpc_),
      readiness_(std::move(check_ready)),
      metrics_(std::move(metrics)) {}

void Front::Handle(std::shared_ptr<Exchange> exchange) {
  const Request& request = exchange->request();
  http::Fields headers = IsConsole(request.path) ? ConsoleHeaders() : SafeHeaders();
  const std::string_view origin = HeaderValue(request, "origin");
  const bool shares = !origin.empty() && Contains(options_.origins, origin);
  if (shares) {
    for (auto& header : SharingHeaders(origin)) headers.push_back(std::move(header));
  }
  auto answered = std::make_shared<WithHeaders>(std::move(exchange), std::move(headers));
  if (!MayAsk(answered->request(), answered.get())) return;
  if (shares && answered->request().method == "OPTIONS") return answered->Respond(Preflight());
  if (answered->request().body.size() <= kLargeBody) return Dispatch(std::move(answered));
  work_.Add([this, answered = std::move(answered)] { Dispatch(answered); });
}

bool Front::MayAsk(const Request& request, Exchange* exchange) const {
  if (IsHealth(request)) return true;  // It is asked by address.
  const std::string_view host = HeaderValue(request, "host");
  if (!request.host_is_ours && !Contains(options_.hosts, http::WithoutPort(host))) {
    exchange->Respond(
        Refusal(421, absl::InvalidArgumentError("Host is no name of this server (--http_hosts)")));
    return false;
  }
  const std::vector<std::string> origins = HeaderValues(request, "origin");
  const std::string own = (request.secure ? "https://" : "http://") + std::string(host);
  for (const std::string& origin : origins) {
    if (origin == own || Contains(options_.origins, origin)) continue;
    exchange->Respond(Refusal(
        403, absl::PermissionDeniedError("pages of another origin may not ask (--http_origins)")));
    return false;
  }
  if (!request.body.empty() && !MayBeJson(HeaderValue(request, "content-type"))) {
    exchange->Respond(
        Refusal(415, absl::InvalidArgumentError("the body must be application/json")));
    return false;
  }
  return true;
}

void Front::Dispatch(std::shared_ptr<Exchange> exchange) {
  const Request& request = exchange->request();
  const bool is_get = request.method == "GET" || request.method == "HEAD";
  if (IsHealth(request) || request.path == kOpenApi || IsConsole(request.path)) {
    if (!is_get) return exchange->Respond(VerbNotAllowed({"GET"}));
    if (IsConsole(request.path)) return exchange->Respond(ConsoleResponse(request));
    if (request.path == kReadiness) return readiness_.Handle(std::move(exchange));
    if (request.path == kHealth) return exchange->Respond(JsonResponse(200, {{"alive", true}}));
    return exchange->Respond(
        {.headers = {{"content-type", "application/json"}}, .body = OpenApiDocument()});
  }
  std::optional<std::vector<std::string>> segments = http::PathSegments(request.path);
  if (!segments.has_value()) {
    return exchange->Respond(
        ErrorResponse(absl::InvalidArgumentError("the path cannot be decoded")));
  }
  const RpcCaller caller{.authorization = HeaderValues(request, "authorization"),
                         .peer = request.peer,
                         .traceparent = HeaderValues(request, kTraceparent)};
  if (request.path == "/metrics") {
    if (!is_get) return exchange->Respond(VerbNotAllowed({"GET"}));
    return metrics_.Handle(std::move(exchange), caller);
  }
  if (request.path == "/rpc") {
    if (request.method != "POST") return exchange->Respond(VerbNotAllowed({"POST"}));
    return json_rpc_.Handle(std::move(exchange), caller);
  }
  if (segments->size() > 2 && (*segments)[0] == "api" && (*segments)[1] == "v1") {
    segments->erase(segments->begin(), segments->begin() + 2);
    return rest_.Handle(std::move(exchange), caller, *segments);
  }
  exchange->Respond(NothingThere());
}

}  // namespace longshore::api_http
