#include "api_server/access/permissions.h"

#include <utility>

namespace longshore::access {
namespace {

using Permission = std::pair<std::string_view, v1::Role>;

// docs/security.md shows this table.
constexpr Permission kPermissions[] = {
    {"InstanceService.RegisterInstance", v1::ROLE_ADMIN},
    {"InstanceService.CreateInstance", v1::ROLE_ADMIN},
    // What it changes of the instance itself needs ROLE_ADMIN (InstanceManager::Update).
    {"InstanceService.UpdateInstance", v1::ROLE_OPERATOR},
    {"InstanceService.GetInstance", v1::ROLE_VIEWER},
    {"InstanceService.ListInstances", v1::ROLE_VIEWER},
    {"InstanceService.TerminateInstance", v1::ROLE_ADMIN},
    {"InstanceService.WatchInstances", v1::ROLE_VIEWER},
    {"PayloadService.DeployPayload", v1::ROLE_OPERATOR},
    {"PayloadService.ExecutePayload", v1::ROLE_OPERATOR},
    {"PayloadService.GetPayloadStatus", v1::ROLE_VIEWER},
    {"PayloadService.ListInstancePayloads", v1::ROLE_VIEWER},
    {"PayloadService.ListPayloads", v1::ROLE_VIEWER},
    {"PayloadService.ReadPayloadOutput", v1::ROLE_VIEWER},
    {"PayloadService.GetScript", v1::ROLE_VIEWER},
    {"PayloadService.WatchPayload", v1::ROLE_VIEWER},
    {"PayloadService.CancelPayload", v1::ROLE_OPERATOR},
    {"PayloadService.GetDeployment", v1::ROLE_VIEWER},
    {"PayloadService.ListDeployments", v1::ROLE_VIEWER},
    {"PayloadService.WatchDeployment", v1::ROLE_VIEWER},
    {"PayloadService.CancelDeployment", v1::ROLE_OPERATOR},
    {"PayloadService.RetryDeployment", v1::ROLE_OPERATOR},
    {"TaskService.GetTask", v1::ROLE_VIEWER},
    {"TaskService.GetTaskLog", v1::ROLE_VIEWER},
    {"TaskService.ListTasks", v1::ROLE_VIEWER},
    {"TaskService.ListWorkers", v1::ROLE_VIEWER},
    {"AccessService.CreateToken", v1::ROLE_ADMIN},
    {"AccessService.ListTokens", v1::ROLE_ADMIN},
    {"AccessService.RevokeToken", v1::ROLE_ADMIN},
};

}  // namespace

std::optional<v1::Role> NeededRole(std::string_view method) {
  for (const auto& [name, role] : kPermissions) {
    if (name == method) return role;
  }
  return std::nullopt;
}

}  // namespace longshore::access
