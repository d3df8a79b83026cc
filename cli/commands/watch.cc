#include <iostream>

#include "cli/cells.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/follow.h"
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

// What is said about the output goes to standard error.
FollowHandlers ForPeople(OutputWriter* output) {
  return {.on_status =
              [](const v1::Payload& payload) {
                std::cerr << "longshore: payload " << payload.id() << " is " << StatusText(payload)
                          << "\n";
              },
          .on_output = [output](int64_t /*payload_id*/, int64_t offset,
                                std::string_view data) { output->Write(offset, data); }};
}

FollowHandlers ForPrograms(const Printer& printer) {
  return {.on_status = [&printer](const v1::Payload& payload) { printer.PrintEvent(payload); },
          .on_output =
              [&printer](int64_t /*payload_id*/, int64_t offset, std::string_view data) {
                v1::PayloadOutput output;
                output.set_offset(offset);
                output.set_data(std::string(data));
                printer.PrintEvent(output);
              }};
}

absl::StatusOr<int> Watch(const Options& options, Session* session) {
  OutputWriter output(options.offset, options.raw);
  const FollowHandlers handlers =
      session->printer.structured() ? ForPrograms(session->printer) : ForPeople(&output);
  ASSIGN_OR_RETURN(const auto followed,
                   FollowPayloads(&session->client, {options.payload_id},
                                  {.output_offset = options.offset}, handlers));
  return followed[0].status() == v1::PAYLOAD_STATUS_COMPLETED ? kExitDone : kExitFailed;
}

}  // namespace

void AddWatch(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("watch", "Prints a payload's output as it comes");
  command.Id("PAYLOAD", &options->payload_id, "its id");
  command.Number("--offset", "BYTES", &options->offset, "begin at this byte of the output");
  AddRaw(command, &options->raw);
  command.Does([options](Session* session) { return Watch(*options, session); });
}

}  // namespace longshore::cli
