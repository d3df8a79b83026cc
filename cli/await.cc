#include "cli/await.h"

#include "cli/errors.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/tables.h"
#include "common/status_macros.h"

namespace longshore::cli {

absl::StatusOr<int> Await(const Awaited& awaited, const WaitOptions& options, Session* session) {
  const bool show_output = options.follow && !session->printer.structured();
  Progress progress(awaited.payload_ids.size(), show_output);
  const FollowOptions follow{.until_transferred = awaited.until_transferred};
  const FollowHandlers handlers{
      .on_status = [&](const v1::Payload& payload) { progress.OnStatus(payload); },
      .on_output = [&](int64_t id, int64_t offset,
                       std::string_view data) { progress.OnOutput(id, offset, data); }};
  // One stream for the whole deployment, unless the output is wanted, or parts of several.
  auto followed = show_output || awaited.deployment_id == 0
                      ? FollowPayloads(&session->client, awaited.payload_ids, follow, handlers)
                      : FollowDeployment(&session->client, awaited.deployment_id,
                                         awaited.payload_ids, follow, handlers);
  progress.Finish();
  RETURN_IF_ERROR(followed.status());
  session->printer.PrintRows(*followed, PayloadSummary(*followed, session->printer.wide()));
  for (const v1::Payload& payload : *followed) {
    const bool good =
        payload.status() == v1::PAYLOAD_STATUS_COMPLETED ||
        (awaited.until_transferred && payload.status() == v1::PAYLOAD_STATUS_TRANSFERRED);
    if (!good) return kExitFailed;
  }
  return kExitDone;
}

absl::StatusOr<int> Accepted(const v1::DeployPayloadResponse& response, bool execute,
                             const WaitOptions& options, Session* session) {
  for (const v1::InstanceError& error : response.instance_errors()) {
    const auto code = static_cast<absl::StatusCode>(error.code());
    session->printer.PrintError(absl::Status(code, error.message()), "");
  }
  const int status = response.success() ? kExitDone : kExitFailed;
  const bool validated = response.deployment_id() == 0;
  if (validated || !options.any()) {
    std::string text =
        validated ? "valid\n" : "deployment " + std::to_string(response.deployment_id()) + "\n";
    text += PayloadTaskLines(response.payload_ids(), response.task_ids());
    session->printer.Print(response, text);
    return status;
  }
  ASSIGN_OR_RETURN(
      const int awaited,
      Await({.deployment_id = response.deployment_id(),
             .payload_ids = {response.payload_ids().begin(), response.payload_ids().end()},
             .until_transferred = !execute},
            options, session));
  return status != kExitDone ? status : awaited;
}

}  // namespace longshore::cli
