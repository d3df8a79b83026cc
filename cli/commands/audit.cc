#include <google/protobuf/util/time_util.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/commands/commands.h"
#include "cli/errors.h"
#include "cli/pages.h"
#include "cli/session.h"
#include "cli/shared_options.h"
#include "cli/tables.h"
#include "cli/values.h"

namespace longshore::cli {
namespace {

using google::protobuf::util::TimeUtil;

struct Options {
  std::string from;
  std::string to;
  std::string project;
  std::string principal;
  int32_t limit = kNoLimit;
};

// A time, or how long ago it was: "2026-11-29T06:00:00Z", "1h30m".
absl::StatusOr<google::protobuf::Timestamp> ParseMoment(const std::string& what,
                                                        const std::string& text) {
  absl::Time time;
  if (std::string error; absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
  }
  const auto ago = ParseDuration(what, text);
  if (!ago.ok()) {
    return UsageError(what + " '" + text + "' is no time like 2026-11-29T06:00:00Z, and none ago" +
                      " like 90, 5m or 24h");
  }
  return TimeUtil::GetCurrentTime() - TimeUtil::MillisecondsToDuration(ago->count());
}

absl::StatusOr<int> ListAudit(const Options& options, Session* session) {
  v1::ListAuditEventsRequest request;
  request.set_project(options.project);
  request.set_principal(options.principal);
  if (!options.from.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_from(), ParseMoment("--from", options.from));
  }
  if (!options.to.empty()) {
    ASSIGN_OR_RETURN(*request.mutable_to(), ParseMoment("--to", options.to));
  }
  ASSIGN_OR_RETURN(const std::vector<v1::AuditEvent> events,
                   ReadPages(&session->client, &Client::ListAuditEvents,
                             &v1::ListAuditEventsResponse::mutable_events, request, options.limit));
  session->printer.PrintRows(events, AuditTable(events, session->printer.wide()));
  return kExitDone;
}

}  // namespace

void AddAudit(const Command& parent) {
  const auto options = std::make_shared<Options>();
  const Command command =
      parent.Add("audit", "Lists who changed what, and who was refused, the latest first");
  command.Text("--from", "TIME", &options->from,
               "from then on: a time like 2026-11-29T06:00:00Z, or how long ago, like 24h");
  command.Text("--to", "TIME", &options->to, "before then");
  command.Text("--project", "PROJECT", &options->project, "of this project only");
  command.Text("--principal", "NAME", &options->principal, "of tokens with this name only");
  AddLimit(command, &options->limit);
  command.Does([options](Session* session) { return ListAudit(*options, session); });
}

}  // namespace longshore::cli
