#include "api_server/http/openapi.h"

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "api_server/http/api_descriptors.h"
#include "api_server/http/json_mapper.h"
#include "api_server/http/json_reader.h"
#include "api_server/http/openapi_schemas.h"
#include "api_server/http/rest_routes.h"
#include "common/version.h"

namespace longshore::api_http {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

Json Content(const char* type, Json schema) { return {{type, {{"schema", std::move(schema)}}}}; }

Json Answer(const char* description, Json content) {
  return {{"description", description}, {"content", std::move(content)}};
}

Json Bytes() { return {{"type", "string"}, {"contentMediaType", "application/octet-stream"}}; }

// The names of the fields in "payloads/{payload_id}:cancel".
std::vector<std::string> FieldsOf(const std::string& pattern) {
  std::vector<std::string> fields;
  for (size_t open = pattern.find('{'); open != std::string::npos;
       open = pattern.find('{', open + 1)) {
    fields.push_back(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
  }
  return fields;
}

class Document {
 public:
  Json Make() {
    for (const Route& route : RestRoutes()) AddRoute(route);
    AddOthers();
    return {{"openapi", "3.1.0"},
            {"info",
             {{"title", "Longshore"},
              {"version", std::string(kVersion)},
              {"description",
               "Delivers bash scripts to fleets of Linux instances and runs them, exactly once."}}},
            {"servers", Json::array({{{"url", "/"}}})},
            {"security", Json::array({{{"token", Json::array()}}})},
            {"paths", std::move(paths_)},
            {"components",
             {{"schemas", Schemas()},
              {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}}}};
  }

 private:
  // Two routes may lead to one method: the second is named after its resource as well.
  std::string OperationId(const Route& route) {
    std::string name = std::string(route.method).substr(std::string(route.method).find('.') + 1);
    if (operations_.insert(name).second) return name;
    std::string resource =
        std::string(route.pattern).substr(0, std::string(route.pattern).find('/'));
    resource[0] = absl::ascii_toupper(static_cast<unsigned char>(resource[0]));
    return name + "Of" + resource;
  }

  void AddRoute(const Route& route) {
    const MethodDescriptor& method = DescribedMethod(route.method);
    const std::vector<std::string> path_fields = FieldsOf(route.pattern);
    const bool has_body = route.verb == std::string("POST") || route.verb == std::string("PATCH");
    Json operation{{"operationId", OperationId(route)},
                   {"description", CommentOf(method)},
                   {"tags", Json::array({method.service()->name()})}};
    Json parameters = Json::array();
    for (const std::string& name : path_fields) {
      parameters.push_back(Parameter("path", *method.input_type()->FindFieldByName(name)));
    }
    if (!has_body) AddQuery(route, method, path_fields, &parameters);
    if (!parameters.empty()) operation["parameters"] = std::move(parameters);
    if (has_body) {
      operation["requestBody"] = {
          {"required", path_fields.empty()},
          {"content", Content("application/json", Body(route, method, path_fields))}};
    }
    operation["responses"] = Responses(route, method);
    paths_["/api/v1/" + std::string(route.pattern)][absl::AsciiStrToLower(route.verb)] =
        std::move(operation);
  }

  Json Parameter(const char* where, const FieldDescriptor& field) {
    const bool in_path = where == std::string("path");
    Json parameter{{"name", field.name()},
                   {"in", where},
                   {"required", in_path},
                   {"schema", schemas_.OfField(field, /*one_value=*/in_path)}};
    if (std::string comment = CommentOf(field); !comment.empty()) {
      parameter["description"] = std::move(comment);
    }
    return parameter;
  }

  void AddQuery(const Route& route, const MethodDescriptor& method,
                const std::vector<std::string>& path_fields, Json* parameters) {
    // Those of a piece of output: its range is a header here.
    if (route.kind == RouteKind::kOutput) {
      parameters->push_back(
          {{"name", "Range"},
           {"in", "header"},
           {"required", false},
           {"schema", {{"type", "string"}}},
           {"description", "bytes=FIRST-LAST, counted in all that was printed."}});
      return;
    }
    if (route.kind == RouteKind::kPayloadEvents || route.kind == RouteKind::kDeploymentEvents) {
      parameters->push_back({{"name", "Last-Event-ID"},
                             {"in", "header"},
                             {"required", false},
                             {"schema", {{"type", "string"}}},
                             {"description", "The id of the last event that was seen."}});
    }
    const std::set<std::string> in_path(path_fields.begin(), path_fields.end());
    for (int i = 0; i < method.input_type()->field_count(); ++i) {
      const FieldDescriptor& field = *method.input_type()->field(i);
      if (in_path.count(field.name()) == 0) parameters->push_back(Parameter("query", field));
    }
  }

  Json Body(const Route& route, const MethodDescriptor& method,
            const std::vector<std::string>& path_fields) {
    if (route.kind == RouteKind::kCreateInstance) {
      const MethodDescriptor& other = DescribedMethod("InstanceService.RegisterInstance");
      Json described = schemas_.OfRequest(*other.input_type());
      // What has an address is registered, so that each body is one of the two.
      return {{"oneOf", Json::array({schemas_.OfRequest(*method.input_type()),
                                     {{"allOf", Json::array({std::move(described)})},
                                      {"required", Json::array({"address"})}}})}};
    }
    if (path_fields.empty()) return schemas_.OfRequest(*method.input_type());
    return schemas_.OfRequestWithout(*method.input_type(),
                                     {path_fields.begin(), path_fields.end()});
  }

  Json Responses(const Route& route, const MethodDescriptor& method) {
    Json responses = Json::object();
    switch (route.kind) {
      case RouteKind::kOutput:
        responses["200"] = Answer("All of it.", Content("application/octet-stream", Bytes()));
        responses["206"] = Answer("A piece.", Content("application/octet-stream", Bytes()));
        break;
      case RouteKind::kScript:
        responses["200"] = Answer("The script.", Content("application/octet-stream", Bytes()));
        break;
      case RouteKind::kPayloadEvents:
      case RouteKind::kDeploymentEvents:
        // For those who read the data of events.
        schemas_.OfResponse(*method.output_type());
        responses["200"] = Answer("Events, whose data are of the watch's messages.",
                                  Content("text/event-stream", {{"type", "string"}}));
        responses["204"] = {{"description", "There are no events after the last that was seen."}};
        break;
      case RouteKind::kCreateInstance: {
        const MethodDescriptor& other = DescribedMethod("InstanceService.RegisterInstance");
        Json either = Json::array({schemas_.OfResponse(*method.output_type()),
                                   schemas_.OfResponse(*other.output_type())});
        responses["200"] = Answer("The new instances, or the registered one.",
                                  Content("application/json", {{"anyOf", std::move(either)}}));
        break;
      }
      case RouteKind::kCall:
      case RouteKind::kPatch:
        responses["200"] = Answer(
            "The answer.", Content("application/json", schemas_.OfResponse(*method.output_type())));
        break;
    }
    responses["default"] = Answer("An error.", ErrorContent());
    return responses;
  }

  static Json ErrorContent() {
    return Content("application/json", {{"$ref", "#/components/schemas/Error"}});
  }

  Json Schemas() const {
    Json all = schemas_.Components();
    const Json text{{"type", "string"}};
    all["Error"] = {{"type", "object"},
                    {"required", Json::array({"error"})},
                    {"properties",
                     {{"error",
                       {{"type", "object"},
                        {"required", Json::array({"code", "message"})},
                        {"properties",
                         {{"code", {{"type", "string"}, {"description", "Of google.rpc.Code."}}},
                          {"reason", text},
                          {"message", text},
                          {"details", {{"type", "array"}, {"items", {{"type", "object"}}}}}}}}}}}};
    return all;
  }

  void AddOthers() {
    const Json no_token = Json::array();
    const auto health = [&](const char* id, const char* path, const char* description) {
      paths_[path]["get"] = {
          {"operationId", id},
          {"description", description},
          {"security", no_token},
          {"responses",
           {{"200", Answer("Yes.", Content("application/json", {{"type", "object"}}))}}}};
    };
    health("GetHealth", "/healthz", "Whether the api_server is alive.");
    health("GetReadiness", "/readyz",
           "Whether it can reach its database, whose schema is current; 503 when not.");
    paths_["/readyz"]["get"]["responses"]["503"] =
        Answer("No.", Content("application/json", {{"type", "object"}}));
    health("GetOpenApi", "/api/openapi.json", "This document.");
    const Json any = Json::object();
    paths_["/rpc"]["post"] = {
        {"operationId", "CallByJsonRpc"},
        {"description", "JSON-RPC 2.0: a request or a batch. Methods are those of the services."},
        {"requestBody", {{"required", true}, {"content", Content("application/json", any)}}},
        {"responses",
         {{"200", Answer("A response or a batch.", Content("application/json", any))},
          {"204", {{"description", "There were notifications only."}}},
          {"401", Answer("The token does not count.", Content("application/json", any))}}}};
  }

  OpenApiSchemas schemas_;
  std::set<std::string> operations_;
  Json paths_ = Json::object();
};

}  // namespace

const std::string& OpenApiDocument() {
  static const auto* const kDocument = new std::string(Text(Document().Make()) + "\n");
  return *kDocument;
}

}  // namespace longshore::api_http
