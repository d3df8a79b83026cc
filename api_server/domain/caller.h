// Who makes a request.
#ifndef LONGSHORE_API_SERVER_DOMAIN_CALLER_H_
#define LONGSHORE_API_SERVER_DOMAIN_CALLER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "api_server/domain/errors.h"
#include "google/protobuf/timestamp.pb.h"
#include "longshore/v1/access.pb.h"
#include "storage/scope.h"

namespace longshore::domain {

// A caller who may make the request. The access guard (api_server/access) finds out who it is.
struct Caller {
  int64_t token_id = 0;  // 0: without a token (--insecure).
  std::string name;      // The token's.
  v1::Role role = v1::ROLE_UNSPECIFIED;
  storage::Scope scope;
  std::optional<google::protobuf::Timestamp> expires_at;  // The token's.
  // Of the call, for the audit.
  std::string method;
  std::string peer;
  std::string request_id;
  std::string traceparent;  // Empty: none that is well formed.
};

// Where something is made, or instances are selected, and no project is named.
inline constexpr char kDefaultProject[] = "default";

inline std::string ProjectOrDefault(const std::string& project) {
  return project.empty() ? kDefaultProject : project;
}

// Checks that the caller may make things in `project`, or in the default one when that is empty.
inline absl::Status CheckProject(const Caller& caller, const std::string& project) {
  if (caller.scope.Contains(ProjectOrDefault(project))) return absl::OkStatus();
  return ProjectForbidden("project", ProjectOrDefault(project));
}

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_CALLER_H_
