#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> DeleteInstance(int64_t instance_id, Session* session) {
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
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("delete", "Stops what runs on an instance, and ends it");
  command.Id("INSTANCE", id.get(), "its id");
  command.Does([id](Session* session) { return DeleteInstance(*id, session); });
}

}  // namespace longshore::cli
