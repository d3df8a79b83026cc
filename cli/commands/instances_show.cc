#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/output.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> ShowInstance(int64_t instance_id, Session* session) {
  v1::GetInstanceRequest request;
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const v1::Instance instance, session->client.GetInstance(request));
  session->printer.Print(instance, InstanceDetails(instance));
  return kExitDone;
}

}  // namespace

void AddInstancesShow(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("show", "Shows an instance in full");
  command.Id("INSTANCE", id.get(), "its id");
  command.Does([id](Session* session) { return ShowInstance(*id, session); });
}

}  // namespace longshore::cli
