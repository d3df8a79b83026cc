#include "api_server/http/rest.h"

#include <google/protobuf/util/field_mask_util.h>

#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "api_server/domain/errors.h"
#include "api_server/http/error_json.h"
#include "api_server/http/event_stream.h"
#include "api_server/http/json_mapper.h"
#include "api_server/http/json_reader.h"
#include "api_server/http/output_download.h"
#include "api_server/http/rest_routes.h"
#include "common/status_macros.h"
#include "http/target.h"
#include "longshore/v1/instance_service.pb.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// The fields that a PATCH of an instance can change: those that update_mask can name.
constexpr std::string_view kPatched[] = {"name", "tags",     "address",
                                         "port", "host_key", "payload_path"};

// Whether an object has a member; null is none.
bool Has(const Json& object, const std::string& name) {
  const auto member = object.find(name);
  return member != object.end() && !member->is_null();
}

// The body of a request: an object; none is an empty one.
absl::StatusOr<Json> ReadBody(const http::Request& request) {
  if (request.body.empty()) return Json::object();
  ASSIGN_OR_RETURN(Json json, ReadJson(request.body));
  if (!json.is_object()) return absl::InvalidArgumentError("the body must be a JSON object");
  return json;
}

absl::Status AddPathFields(const PathFields& fields, Message* request) {
  for (const auto& [name, text] : fields) RETURN_IF_ERROR(SetFromText(name, text, request));
  return absl::OkStatus();
}

// What the path has said is not said again.
absl::Status AlreadySaid(const std::string& name, const std::string& text) {
  return domain::InvalidField(name, text, "is given by the path");
}

absl::Status ReadQuery(const http::Request& http_request, const PathFields& in_path,
                       Message* request) {
  const std::optional<http::Fields> query = http::QueryFields(http_request.query);
  if (!query.has_value()) return absl::InvalidArgumentError("the query cannot be decoded");
  for (const auto& [name, value] : *query) {
    for (const auto& [said, text] : in_path) {
      if (said == name) return AlreadySaid(name, text);
    }
    RETURN_IF_ERROR(SetFromText(name, value, request));
  }
  return absl::OkStatus();
}

absl::Status CheckNotInPath(const Json& body, const PathFields& fields) {
  for (const auto& [name, text] : fields) {
    if (body.contains(name)) return AlreadySaid(name, text);
  }
  return absl::OkStatus();
}

void MaskWhatIsThere(const Json& body, Message* request) {
  auto& update = static_cast<v1::UpdateInstanceRequest&>(*request);
  if (update.has_update_mask()) return;
  for (const std::string_view name : kPatched) {
    if (Has(body, std::string(name))) {
      update.mutable_update_mask()->add_paths(std::string(name));
    }
  }
}

// The method of a route, and its request.
struct Call {
  const MethodDescriptor* method = nullptr;
  std::unique_ptr<Message> request;
};

absl::StatusOr<Call> ReadCall(const http::Request& http_request, const Route& route,
                              const PathFields& fields) {
  Call call{.method = &PublicMethod(route.method)};
  const bool has_body = http_request.method == "POST" || http_request.method == "PATCH";
  Json body = Json::object();
  if (has_body) {
    if (!http_request.query.empty()) {
      return absl::InvalidArgumentError("the fields of this call go into its body, not its query");
    }
    ASSIGN_OR_RETURN(body, ReadBody(http_request));
    RETURN_IF_ERROR(CheckNotInPath(body, fields));
  } else if (!http_request.body.empty()) {
    return absl::InvalidArgumentError("this call takes no body");
  }
  if (route.kind == RouteKind::kCreateInstance && Has(body, "address")) {
    call.method = &PublicMethod("InstanceService.RegisterInstance");
  }
  call.request = NewMessage(*call.method->input_type());
  RETURN_IF_ERROR(AddPathFields(fields, call.request.get()));
  RETURN_IF_ERROR(has_body ? FromJson(body, call.request.get())
                           : ReadQuery(http_request, fields, call.request.get()));
  if (route.kind == RouteKind::kPatch) MaskWhatIsThere(body, call.request.get());
  return call;
}

http::Response ScriptResponse(const Message& message) {
  return {.headers = {{"content-type", "application/octet-stream"}},
          .body = static_cast<const v1::GetScriptResponse&>(message).content()};
}

}  // namespace

http::Response VerbNotAllowed(const std::vector<std::string>& verbs) {
  const std::string allowed = absl::StrJoin(verbs, ", ");
  http::Response response =
      ErrorResponse(absl::UnimplementedError("this path takes only " + allowed));
  response.status = 405;
  response.headers.emplace_back("allow", allowed);
  return response;
}

http::Response NothingThere() {
  return ErrorResponse(absl::NotFoundError("there is nothing at this path"));
}

void Rest::Handle(std::shared_ptr<http::Exchange> exchange, const RpcCaller& caller,
                  const std::vector<std::string>& segments) {
  const RouteMatch match = FindRoute(exchange->request().method, segments);
  if (match.route == nullptr) {
    return exchange->Respond(match.verbs.empty() ? NothingThere() : VerbNotAllowed(match.verbs));
  }
  absl::StatusOr<Call> call = ReadCall(exchange->request(), *match.route, match.fields);
  if (!call.ok()) return exchange->Respond(ErrorResponse(call.status()));
  switch (match.route->kind) {
    case RouteKind::kOutput:
      return SendOutput(&rpc_, caller,
                        static_cast<const v1::ReadPayloadOutputRequest&>(*call->request),
                        std::move(exchange));
    case RouteKind::kPayloadEvents:
      return StreamEvents(
          &rpc_, caller, PayloadEvents(static_cast<const v1::WatchPayloadRequest&>(*call->request)),
          std::move(exchange));
    case RouteKind::kDeploymentEvents:
      return StreamEvents(
          &rpc_, caller,
          DeploymentEvents(static_cast<const v1::WatchDeploymentRequest&>(*call->request)),
          std::move(exchange));
    case RouteKind::kCall:
    case RouteKind::kPatch:
    case RouteKind::kCreateInstance:
    case RouteKind::kScript:
      break;
  }
  const bool is_script = match.route->kind == RouteKind::kScript;
  rpc_.Call(*call->method, caller, std::move(call->request),
            [exchange, is_script](const absl::Status& status, std::unique_ptr<Message> response) {
              if (!status.ok()) return exchange->Respond(ErrorResponse(status));
              exchange->Respond(is_script ? ScriptResponse(*response)
                                          : JsonResponse(200, ToJson(*response)));
            });
}

}  // namespace longshore::api_http
