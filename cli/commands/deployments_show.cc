#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/tables.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> ShowDeployment(int64_t deployment_id, Session* session) {
  v1::GetDeploymentRequest request;
  request.set_deployment_id(deployment_id);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, session->client.GetDeployment(request));
  std::vector<v1::Payload> payloads;
  // The stream begins with every payload as it is now.
  RETURN_IF_ERROR(
      WatchDeploymentEvents(&session->client, deployment_id, [&](const v1::DeploymentEvent& event) {
        if (event.has_payload()) payloads.push_back(event.payload());
        return static_cast<int64_t>(payloads.size()) < deployment.counts().total();
      }));
  session->printer.PrintWithRows(
      "deployment", deployment, "payloads", payloads,
      DeploymentDetails(deployment) + "\n" + PayloadTable(payloads, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddDeploymentsShow(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("show", "Shows a deployment with its payloads");
  command.Id("DEPLOYMENT", id.get(), "its id");
  command.Does([id](Session* session) { return ShowDeployment(*id, session); });
}

}  // namespace longshore::cli
