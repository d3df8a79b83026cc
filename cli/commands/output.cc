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
  int64_t offset = 0;
  bool raw = false;
};

absl::StatusOr<int> PrintOutput(const Options& options, Session* session) {
  v1::ReadPayloadOutputRequest request;
  request.set_payload_id(options.payload_id);
  request.set_offset(options.offset);
  OutputWriter output(options.offset, options.raw);
  while (true) {
    ASSIGN_OR_RETURN(const v1::ReadPayloadOutputResponse piece,
                     session->client.ReadPayloadOutput(request));
    if (piece.data().empty()) return kExitDone;
    if (session->printer.structured()) {
      session->printer.PrintEvent(piece);
    } else {
      output.Write(piece.offset(), piece.data());
    }
    request.set_offset(piece.offset() + static_cast<int64_t>(piece.data().size()));
  }
}

}  // namespace

void AddOutput(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command =
      parent.Add("output", "Prints what is stored of a payload's output, byte for byte");
  command.Id("PAYLOAD", &options->payload_id, "its id");
  command.Number("--offset", "BYTES", &options->offset, "begin at this byte of the output");
  AddRaw(command, &options->raw);
  command.Does([options](Session* session) { return PrintOutput(*options, session); });
}

}  // namespace longshore::cli
