#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/session.h"
#include "common/payload_status.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> Cancel(const v1::CancelPayloadRequest& request, Session* session) {
  ASSIGN_OR_RETURN(const v1::Payload payload, session->client.CancelPayload(request));
  const char* rest = IsTerminal(payload.status()) ? "\n" : "; it is being stopped\n";
  session->printer.Print(payload, "payload " + std::to_string(request.payload_id()) + " is " +
                                      StatusText(payload) + rest);
  return kExitDone;
}

}  // namespace

void AddCancel(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("cancel", "Stops a payload");
  command.Id("PAYLOAD", id.get(), "its id");
  command.Does([id](Session* session) {
    v1::CancelPayloadRequest request;
    request.set_payload_id(*id);
    return Cancel(request, session);
  });
}

}  // namespace longshore::cli
