// Which role each method of the public API needs.
#ifndef LONGSHORE_API_SERVER_ACCESS_PERMISSIONS_H_
#define LONGSHORE_API_SERVER_ACCESS_PERMISSIONS_H_

#include <optional>
#include <string_view>

#include "longshore/v1/access.pb.h"

namespace longshore::access {

// What a method needs.
struct Permission {
  v1::Role role = v1::ROLE_UNSPECIFIED;  // The least that may call it.
  bool changes = false;                  // It changes something: it is audited also when refused.
};

// Returns what `method`, for example "PayloadService.DeployPayload", needs; nullopt for one that is
// not in the table, which nobody may call.
std::optional<Permission> PermissionFor(std::string_view method);

}  // namespace longshore::access

#endif  // LONGSHORE_API_SERVER_ACCESS_PERMISSIONS_H_
