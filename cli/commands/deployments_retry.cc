#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  int64_t deployment_id = 0;
  std::string request_id;
  WaitOptions waiting;
};

absl::StatusOr<int> RetryDeployment(const Options& options, Session* session) {
  v1::GetDeploymentRequest which;
  which.set_deployment_id(options.deployment_id);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, session->client.GetDeployment(which));
  v1::RetryDeploymentRequest request;
  request.set_deployment_id(options.deployment_id);
  request.set_request_id(options.request_id);
  ASSIGN_OR_RETURN(const v1::DeployPayloadResponse response,
                   session->client.RetryDeployment(request));
  return Accepted(response, deployment.request().execute_payload(), options.waiting, session);
}

}  // namespace

void AddDeploymentsRetry(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("retry", "Runs again what failed or was cancelled");
  command.Id("DEPLOYMENT", &options->deployment_id, "its id");
  AddWaitOptions(command, &options->waiting);
  AddRequestId(command, &options->request_id);
  command.Does([options](Session* session) { return RetryDeployment(*options, session); });
}

}  // namespace longshore::cli
