#include "api_server/access/permissions.h"

#include <utility>

namespace longshore::access {
namespace {

constexpr bool kReads = false;
constexpr bool kChanges = true;

// docs/security.md shows this table.
constexpr std::pair<std::string_view, Permission> kPermissions[] = {
    {"InstanceService.RegisterInstance", {v1::ROLE_ADMIN, kChanges}},
    {"InstanceService.CreateInstance", {v1::ROLE_ADMIN, kChanges}},
    // What it changes of the instance itself needs ROLE_ADMIN (InstanceManager::Update).
    {"InstanceService.UpdateInstance", {v1::ROLE_OPERATOR, kChanges}},
    {"InstanceService.GetInstance", {v1::ROLE_VIEWER, kReads}},
    {"InstanceService.ListInstances", {v1::ROLE_VIEWER, kReads}},
    {"InstanceService.TerminateInstance", {v1::ROLE_ADMIN, kChanges}},
    {"InstanceService.WatchInstances", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.DeployPayload", {v1::ROLE_OPERATOR, kChanges}},
    {"PayloadService.ExecutePayload", {v1::ROLE_OPERATOR, kChanges}},
    {"PayloadService.GetPayloadStatus", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.ListInstancePayloads", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.ListPayloads", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.ReadPayloadOutput", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.GetScript", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.WatchPayload", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.CancelPayload", {v1::ROLE_OPERATOR, kChanges}},
    {"PayloadService.GetDeployment", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.ListDeployments", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.WatchDeployment", {v1::ROLE_VIEWER, kReads}},
    {"PayloadService.CancelDeployment", {v1::ROLE_OPERATOR, kChanges}},
    {"PayloadService.PauseDeployment", {v1::ROLE_OPERATOR, kChanges}},
    {"PayloadService.ResumeDeployment", {v1::ROLE_OPERATOR, kChanges}},
    {"PayloadService.RetryDeployment", {v1::ROLE_OPERATOR, kChanges}},
    {"TaskService.GetTask", {v1::ROLE_VIEWER, kReads}},
    {"TaskService.GetTaskLog", {v1::ROLE_VIEWER, kReads}},
    {"TaskService.ListTasks", {v1::ROLE_VIEWER, kReads}},
    {"TaskService.ListWorkers", {v1::ROLE_VIEWER, kReads}},
    // Of HTTP; what it tells is of every project.
    {"Metrics.Read", {v1::ROLE_VIEWER, kReads}},
    {"AccessService.CreateToken", {v1::ROLE_ADMIN, kChanges}},
    {"AccessService.ListTokens", {v1::ROLE_ADMIN, kReads}},
    {"AccessService.RevokeToken", {v1::ROLE_ADMIN, kChanges}},
    {"AccessService.ListAuditEvents", {v1::ROLE_ADMIN, kReads}},
};

}  // namespace

std::optional<Permission> PermissionFor(std::string_view method) {
  for (const auto& [name, permission] : kPermissions) {
    if (name == method) return permission;
  }
  return std::nullopt;
}

}  // namespace longshore::access
