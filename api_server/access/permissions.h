// Which role each method of the public API needs.
#ifndef LONGSHORE_API_SERVER_ACCESS_PERMISSIONS_H_
#define LONGSHORE_API_SERVER_ACCESS_PERMISSIONS_H_

#include <optional>
#include <string_view>

#include "longshore/v1/access.pb.h"

namespace longshore::access {

// Returns the least role that may call `method`, for example "PayloadService.DeployPayload";
// nullopt for a method that is not in the table, which nobody may call.
std::optional<v1::Role> NeededRole(std::string_view method);

}  // namespace longshore::access

#endif  // LONGSHORE_API_SERVER_ACCESS_PERMISSIONS_H_
