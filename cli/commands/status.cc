#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/output.h"
#include "cli/session.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

absl::StatusOr<int> Status(int64_t payload_id, Session* session) {
  v1::GetPayloadStatusRequest request;
  request.set_payload_id(payload_id);
  ASSIGN_OR_RETURN(const v1::Payload payload, session->client.GetPayloadStatus(request));
  session->printer.Print(payload, PayloadDetails(payload));
  return kExitDone;
}

}  // namespace

void AddStatus(const Command& parent) {
  const auto id = std::make_shared<int64_t>(0);
  const Command command = parent.Add("status", "Shows a payload with its output");
  command.Id("PAYLOAD", id.get(), "its id");
  command.Does([id](Session* session) { return Status(*id, session); });
}

}  // namespace longshore::cli
