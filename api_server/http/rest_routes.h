// Which REST call is which method.
#ifndef LONGSHORE_API_SERVER_HTTP_REST_ROUTES_H_
#define LONGSHORE_API_SERVER_HTTP_REST_ROUTES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longshore::api_http {

enum class RouteKind {
  kCall,             // The answer is the method's response.
  kPatch,            // The same; the members of the body are what is changed.
  kCreateInstance,   // The method, or RegisterInstance when the body has an address.
  kOutput,           // Bytes.
  kScript,           // Bytes.
  kPayloadEvents,    // A stream.
  kDeploymentEvents  // A stream.
};

struct Route {
  const char* verb;
  // After /api/v1/. A "{field}" stands for a segment whose text is that field of the request; what
  // follows it in the segment, such as ":cancel", stands for itself.
  const char* pattern;
  const char* method;  // For example "PayloadService.GetPayloadStatus".
  RouteKind kind = RouteKind::kCall;
};

const std::vector<Route>& RestRoutes();

// The texts of a path's fields by their names.
using PathFields = std::vector<std::pair<std::string, std::string>>;

struct RouteMatch {
  const Route* route = nullptr;  // Null when none has this path and this verb.
  PathFields fields;
  std::vector<std::string> verbs;  // That this path has.
};

// Finds the route for the decoded segments of a path, /api/v1/ apart.
RouteMatch FindRoute(std::string_view verb, const std::vector<std::string>& segments);

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_REST_ROUTES_H_
