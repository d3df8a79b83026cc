#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"

namespace longshore::cli {
namespace {

struct Options {
  int64_t instance_id = 0;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  int32_t limit = kNoLimit;
};

absl::StatusOr<int> List(const Options& options, Session* session) {
  v1::ListInstancePayloadsRequest request;
  request.set_instance_id(options.instance_id);
  request.set_status(options.status);
  ASSIGN_OR_RETURN(
      const std::vector<v1::Payload> payloads,
      ReadPages(&session->client, &Client::ListInstancePayloads,
                &v1::ListInstancePayloadsResponse::mutable_payloads, request, options.limit));
  session->printer.PrintRows(payloads, PayloadTable(payloads, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddList(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("list", "Lists an instance's payloads, the latest first");
  command.OptionalId("--instance", &options->instance_id, "the instance's id");
  command.Require("--instance");
  command.EnumChoice("--status", &options->status, "only these");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return List(*options, session); });
}

}  // namespace longshore::cli
