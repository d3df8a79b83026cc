#include "cli/errors.h"

#include "absl/strings/cord.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

constexpr char kExitStatusPayload[] = "longshore/exit-status";

}  // namespace

absl::Status WithExitStatus(absl::Status error, ExitStatus exit_status) {
  error.SetPayload(kExitStatusPayload, absl::Cord(std::to_string(exit_status)));
  return error;
}

absl::Status UsageError(const std::string& problem) {
  return WithExitStatus(WithReason(absl::InvalidArgumentError(problem), "WRONG_COMMAND_LINE"),
                        kExitUsage);
}

ExitStatus ExitStatusOf(const absl::Status& error) {
  if (error.ok()) return kExitDone;
  const auto payload = error.GetPayload(kExitStatusPayload);
  return payload.has_value() ? static_cast<ExitStatus>(std::stoi(std::string(*payload)))
                             : kExitFailed;
}

}  // namespace longshore::cli
