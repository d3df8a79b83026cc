#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/output.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> ShowInstance(const std::string& word, Session* session) {
  ASSIGN_OR_RETURN(const int64_t instance_id, InstanceId(word, &session->client));
  v1::GetInstanceRequest request;
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const v1::Instance instance, session->client.GetInstance(request));
  session->printer.Print(instance, InstanceDetails(instance));
  return kExitDone;
}

}  // namespace

void AddInstancesShow(const Command& parent) {
  const auto word = std::make_shared<std::string>();
  const Command command = parent.Add("show", "Shows an instance in full");
  command.Instance("INSTANCE", word.get(), "its id or name");
  command.Does([word](Session* session) { return ShowInstance(*word, session); });
}

}  // namespace longshore::cli
