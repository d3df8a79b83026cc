#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/rollout_text.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

void Print(const v1::Deployment& deployment, Session* session) {
  session->printer.Print(deployment, "deployment " + std::to_string(deployment.id()) + ": " +
                                         RolloutText(deployment) + "\n");
}

absl::StatusOr<int> Pause(int64_t deployment_id, Session* session) {
  v1::PauseDeploymentRequest request;
  request.set_deployment_id(deployment_id);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, session->client.PauseDeployment(request));
  Print(deployment, session);
  return kExitDone;
}

struct ResumeOptions {
  int64_t deployment_id = 0;
  std::string request_id;
};

absl::StatusOr<int> Resume(const ResumeOptions& options, Session* session) {
  v1::ResumeDeploymentRequest request;
  request.set_deployment_id(options.deployment_id);
  request.set_request_id(options.request_id);
  ASSIGN_OR_RETURN(const v1::Deployment deployment, session->client.ResumeDeployment(request));
  Print(deployment, session);
  return kExitDone;
}

}  // namespace

void AddDeploymentsPause(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("pause", "Holds back every payload that no worker has taken");
  command.Id("DEPLOYMENT", id.get(), "its id");
  command.Does([id](Session* session) { return Pause(*id, session); });
}

void AddDeploymentsResume(const Command& parent) {
  const auto options = std::make_shared<ResumeOptions>();
  const Command command = parent.Add("resume", "Ends a pause, or begins the next wave");
  command.Id("DEPLOYMENT", &options->deployment_id, "its id");
  AddRequestId(command, &options->request_id);
  command.Does([options](Session* session) { return Resume(*options, session); });
}

}  // namespace longshore::cli
