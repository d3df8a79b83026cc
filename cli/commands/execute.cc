#include "cli/await.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/output.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  std::vector<int64_t> payload_ids;
  int64_t deployment_id = 0;
  int32_t timeout = 0;
  std::string request_id;
  WaitOptions waiting;
};

absl::StatusOr<int> Execute(const Options& options, Session* session) {
  if (options.payload_ids.empty() == (options.deployment_id == 0)) {
    return UsageError("give either --payloads ID,ID... or --deployment ID");
  }
  v1::ExecutePayloadRequest request;
  request.mutable_payload_ids()->Add(options.payload_ids.begin(), options.payload_ids.end());
  request.set_deployment_id(options.deployment_id);
  request.set_timeout(options.timeout);
  request.set_request_id(options.request_id);
  ASSIGN_OR_RETURN(const v1::ExecutePayloadResponse response,
                   session->client.ExecutePayload(request));
  if (options.waiting.any()) {
    return Await({.deployment_id = options.deployment_id,
                  .payload_ids = {response.payload_ids().begin(), response.payload_ids().end()}},
                 options.waiting, session);
  }
  session->printer.Print(response, PayloadTaskLines(response.payload_ids(), response.task_ids()));
  return kExitDone;
}

}  // namespace

void AddExecute(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("execute", "Runs payloads that were delivered before");
  command.Ids("--payloads", &options->payload_ids, "these payloads, all or none");
  command.OptionalId("--deployment", &options->deployment_id,
                     "those of this deployment that can be run now");
  command.Seconds("--timeout", &options->timeout,
                  "how long each may run; without it what was said before");
  AddWaitOptions(command, &options->waiting);
  AddRequestId(command, &options->request_id);
  command.Does([options](Session* session) { return Execute(*options, session); });
}

}  // namespace longshore::cli
