#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> DeleteInstance(const std::string& instance, Session* session) {
  ASSIGN_OR_RETURN(const int64_t instance_id, InstanceId(instance, &session->client));
  v1::TerminateInstanceRequest request;
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const v1::TerminateInstanceResponse response,
                   session->client.TerminateInstance(request));
  session->printer.Print(response, "instance " + std::to_string(instance_id) +
                                       " is being terminated, task " +
                                       std::to_string(response.task_id()) + "\n");
  return kExitDone;
}

}  // namespace

void AddInstancesDelete(const Command& parent) {
  const auto instance = std::make_shared<std::string>();
  const Command command = parent.Add("delete", "Stops what runs on an instance, and ends it");
  command.Instance("INSTANCE", instance.get(), "its id or name");
  command.Does([instance](Session* session) { return DeleteInstance(*instance, session); });
}

}  // namespace longshore::cli
