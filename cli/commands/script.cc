#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/output_writer.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "common/status_macros.h"

namespace longshore::cli {
namespace {

struct Options {
  int64_t payload_id = 0;
  std::string sha256;
  bool raw = false;
};

absl::StatusOr<int> PrintScript(const Options& options, Session* session) {
  if ((options.payload_id == 0) == options.sha256.empty()) {
    return UsageError("give either PAYLOAD or --sha256 HASH");
  }
  v1::GetScriptRequest request;
  request.set_sha256(options.sha256);
  if (options.payload_id != 0) {
    v1::GetPayloadStatusRequest payload_request;
    payload_request.set_payload_id(options.payload_id);
    ASSIGN_OR_RETURN(const v1::Payload payload, session->client.GetPayloadStatus(payload_request));
    request.set_sha256(payload.script_sha256());
  }
  ASSIGN_OR_RETURN(const v1::GetScriptResponse script, session->client.GetScript(request));
  if (session->printer.structured()) {
    session->printer.Print(script, "");
  } else {
    OutputWriter(/*offset=*/0, options.raw).Write(0, script.content());
  }
  return kExitDone;
}

}  // namespace

void AddScript(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("script", "Prints the script that was sent");
  command.OptionalId("PAYLOAD", &options->payload_id, "the id of a payload that has it");
  command.Text("--sha256", "HASH", &options->sha256, "its SHA-256, in hexadecimal digits");
  AddRaw(command, &options->raw);
  command.Does([options](Session* session) { return PrintScript(*options, session); });
}

}  // namespace longshore::cli
