#include <iostream>

#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/rollout_text.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> WatchDeployment(int64_t deployment_id, Session* session) {
  v1::Deployment last;
  RETURN_IF_ERROR(
      WatchDeploymentEvents(&session->client, deployment_id, [&](const v1::DeploymentEvent& event) {
        if (event.has_deployment()) last = event.deployment();
        if (session->printer.structured()) {
          session->printer.PrintEvent(event);
        } else if (event.has_deployment()) {
          std::cout << CountsText(event.deployment().counts()) << "  "
                    << RolloutText(event.deployment()) << std::endl;
        } else if (event.payload().status() != v1::PAYLOAD_STATUS_PENDING) {
          std::cout << PayloadLine(event.payload()) << std::endl;
        }
        return true;
      }));
  if (!last.stop_reason().empty()) std::cerr << "longshore: " << last.stop_reason() << "\n";
  return last.counts().completed() == last.counts().total() ? kExitDone : kExitFailed;
}

}  // namespace

void AddDeploymentsWatch(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("watch", "Prints what changes, until all have ended");
  command.Id("DEPLOYMENT", id.get(), "its id");
  command.Does([id](Session* session) { return WatchDeployment(*id, session); });
}

}  // namespace longshore::cli
