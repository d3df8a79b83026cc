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
  int64_t deployment_id = 0;
  std::string instance;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  v1::FailureReason failure_reason = v1::FAILURE_REASON_UNSPECIFIED;
  int32_t limit = kNoLimit;
};

absl::StatusOr<int> ListPayloads(const Options& options, Session* session) {
  v1::ListPayloadsRequest request;
  request.set_deployment_id(options.deployment_id);
  if (!options.instance.empty()) {
    ASSIGN_OR_RETURN(const int64_t instance_id, InstanceId(options.instance, &session->client));
    request.set_instance_id(instance_id);
  }
  request.set_status(options.status);
  request.set_failure_reason(options.failure_reason);
  ASSIGN_OR_RETURN(const std::vector<v1::Payload> payloads,
                   ReadPages(&session->client, &Client::ListPayloads,
                             &v1::ListPayloadsResponse::mutable_payloads, request, options.limit));
  session->printer.PrintRows(payloads, PayloadTable(payloads, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddPayloadsList(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command = parent.Add("list", "Lists payloads, the latest first");
  command.OptionalId("--deployment", &options->deployment_id, "only those of this deployment");
  command.OptionalInstance("--instance", &options->instance, "only those of this instance");
  command.EnumChoice("--status", &options->status, "only these");
  command.EnumChoice("--failure-reason", &options->failure_reason, "only these");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return ListPayloads(*options, session); });
}

}  // namespace longshore::cli
