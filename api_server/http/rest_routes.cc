#include "api_server/http/rest_routes.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace longshore::api_http {
namespace {

// Adds the field of a segment to `fields`. Returns false when the segment does not match.
bool MatchSegment(std::string_view pattern, std::string_view segment, PathFields* fields) {
  if (!pattern.starts_with('{')) return pattern == segment;
  const size_t end = pattern.find('}');
  const std::string_view suffix = pattern.substr(end + 1);
  if (!segment.ends_with(suffix) || segment.size() == suffix.size()) return false;
  segment.remove_suffix(suffix.size());
  // ":cancel" and the like are not part of an id.
  if (segment.find(':') != std::string_view::npos) return false;
  fields->emplace_back(pattern.substr(1, end - 1), segment);
  return true;
}

std::optional<PathFields> Match(const Route& route, const std::vector<std::string>& segments) {
  const std::vector<std::string> parts = absl::StrSplit(route.pattern, '/');
  if (parts.size() != segments.size()) return std::nullopt;
  PathFields fields;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!MatchSegment(parts[i], segments[i], &fields)) return std::nullopt;
  }
  return fields;
}

}  // namespace

const std::vector<Route>& RestRoutes() {
  static const auto* const kRoutes = new std::vector<Route>{
      {"POST", "instances", "InstanceService.CreateInstance", RouteKind::kCreateInstance},
      {"GET", "instances", "InstanceService.ListInstances"},
      {"GET", "instances/{instance_id}", "InstanceService.GetInstance"},
      {"PATCH", "instances/{instance_id}", "InstanceService.UpdateInstance", RouteKind::kPatch},
      {"DELETE", "instances/{instance_id}", "InstanceService.TerminateInstance"},
      {"GET", "instances/{instance_id}/payloads", "PayloadService.ListInstancePayloads"},
      {"POST", "payloads", "PayloadService.DeployPayload"},
      {"GET", "payloads", "PayloadService.ListPayloads"},
      {"GET", "payloads/{payload_id}", "PayloadService.GetPayloadStatus"},
      {"GET", "payloads/{payload_id}/output", "PayloadService.ReadPayloadOutput",
       RouteKind::kOutput},
      {"GET", "payloads/{payload_id}/events", "PayloadService.WatchPayload",
       RouteKind::kPayloadEvents},
      {"POST", "payloads/{payload_ids}:execute", "PayloadService.ExecutePayload"},
      {"POST", "payloads/{payload_id}:cancel", "PayloadService.CancelPayload"},
      {"GET", "deployments", "PayloadService.ListDeployments"},
      {"GET", "deployments/{deployment_id}", "PayloadService.GetDeployment"},
      {"GET", "deployments/{deployment_id}/events", "PayloadService.WatchDeployment",
       RouteKind::kDeploymentEvents},
      {"POST", "deployments/{deployment_id}:execute", "PayloadService.ExecutePayload"},
      {"POST", "deployments/{deployment_id}:cancel", "PayloadService.CancelDeployment"},
      {"POST", "deployments/{deployment_id}:pause", "PayloadService.PauseDeployment"},
      {"POST", "deployments/{deployment_id}:resume", "PayloadService.ResumeDeployment"},
      {"POST", "deployments/{deployment_id}:retry", "PayloadService.RetryDeployment"},
      {"GET", "scripts/{sha256}", "PayloadService.GetScript", RouteKind::kScript},
      {"GET", "tasks", "TaskService.ListTasks"},
      {"GET", "tasks/{task_id}", "TaskService.GetTask"},
      {"GET", "tasks/{task_id}/log", "TaskService.GetTaskLog"},
      {"GET", "workers", "TaskService.ListWorkers"},
      {"POST", "tokens", "AccessService.CreateToken"},
      {"GET", "tokens", "AccessService.ListTokens"},
      {"POST", "tokens/{token_id}:revoke", "AccessService.RevokeToken"},
      {"GET", "audit", "AccessService.ListAuditEvents"},
  };
  return *kRoutes;
}

RouteMatch FindRoute(std::string_view verb, const std::vector<std::string>& segments) {
  RouteMatch found;
  for (const Route& route : RestRoutes()) {
    std::optional<PathFields> fields = Match(route, segments);
    if (!fields.has_value()) continue;
    found.verbs.emplace_back(route.verb);
    // Who asks for the head alone gets that of the same answer.
    if (verb != route.verb && !(verb == "HEAD" && found.verbs.back() == "GET")) continue;
    found.route = &route;
    found.fields = *std::move(fields);
  }
  return found;
}

}  // namespace longshore::api_http
