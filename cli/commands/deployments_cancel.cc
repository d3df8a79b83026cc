#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> CancelDeployment(int64_t deployment_id, Session* session) {
  v1::CancelDeploymentRequest request;
  request.set_deployment_id(deployment_id);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, session->client.CancelDeployment(request));
  session->printer.Print(deployment, "deployment " + std::to_string(deployment_id) + ": " +
                                         CountsText(deployment.counts()) + "\n");
  return kExitDone;
}

}  // namespace

void AddDeploymentsCancel(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("cancel", "Stops every payload that has not ended");
  command.Id("DEPLOYMENT", id.get(), "its id");
  command.Does([id](Session* session) { return CancelDeployment(*id, session); });
}

}  // namespace longshore::cli
