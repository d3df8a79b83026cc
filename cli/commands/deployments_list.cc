#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string project;
  int32_t limit = kNoLimit;
};

absl::StatusOr<int> ListDeployments(const Options& options, Session* session) {
  v1::ListDeploymentsRequest request;
  request.set_project(options.project);
  ASSIGN_OR_RETURN(
      const std::vector<v1::Deployment> deployments,
      ReadPages(&session->client, &Client::ListDeployments,
                &v1::ListDeploymentsResponse::mutable_deployments, request, options.limit));
  session->printer.PrintRows(deployments, DeploymentTable(deployments, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddDeploymentsList(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("list", "Lists deployments, the latest first");
  command.Text("--project", "PROJECT", &options->project,
               "only those that reached instances of this project");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return ListDeployments(*options, session); });
}

}  // namespace longshore::cli
