#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/instance_names.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"

namespace longshore::cli {
namespace {

struct Options {
  std::string instance;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  int32_t limit = kNoLimit;
};

absl::StatusOr<int> List(const Options& options, Session* session) {
  v1::ListInstancePayloadsRequest request;
  ASSIGN_OR_RETURN(const int64_t instance_id, InstanceId(options.instance, &session->client));
  request.set_instance_id(instance_id);
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
  command.Instance("--instance", &options->instance, "the instance's id or name");
  command.EnumChoice("--status", &options->status, "only these");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return List(*options, session); });
}

}  // namespace longshore::cli
