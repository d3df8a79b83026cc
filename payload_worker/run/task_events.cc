#include "payload_worker/run/task_events.h"

#include <string.h>

#include <string>

#include "common/enum_text.h"
#include "common/status.h"
#include "common/utf8.h"

namespace longshore::run {
namespace {

constexpr size_t kMaxErrorBytes = 8192;

void Fail(v1::Finished* finished, v1::FailureReason reason, const std::string& error) {
  finished->set_status(v1::PAYLOAD_STATUS_FAILED);
  finished->set_failure_reason(reason);
  finished->set_error(error);
}

void SetOutcome(const RunnerRecord& record, v1::Finished* finished) {
  switch (record.outcome) {
    case RunnerRecord::Outcome::kExit:
      finished->set_exit_code(record.code);
      if (record.code == 0) {
        finished->set_status(v1::PAYLOAD_STATUS_COMPLETED);
      } else {
        Fail(finished, v1::FAILURE_REASON_NONZERO_EXIT,
             "the script ended with exit status " + std::to_string(record.code));
      }
      return;
    case RunnerRecord::Outcome::kSignal: {
      const char* name = sigabbrev_np(record.code);
      Fail(finished, v1::FAILURE_REASON_KILLED_BY_SIGNAL,
           "the script was killed by signal " + std::to_string(record.code) +
               (name == nullptr ? "" : std::string(" (SIG") + name + ")"));
      return;
    }
    case RunnerRecord::Outcome::kUnknown:
      Fail(finished, v1::FAILURE_REASON_INTERRUPTED,
           "the process that waited for the script was killed; its exit status is unknown");
      return;
  }
}

}  // namespace

v1::TaskEvent FinishedEvent(const v1::Assignment& assignment, const RunnerRecord& record,
                            const OutputEnd& output) {
  v1::TaskEvent event;
  v1::Finished* finished = event.mutable_finished();
  finished->set_executed(true);
  finished->set_output_bytes(output.next_offset);
  // A size of 0 may also be of a file that is gone: whoever followed it has read it all.
  finished->set_output_missing(output.missing ||
                               (record.output_size > 0 && record.output_size < output.next_offset));
  finished->set_run_directory(true);
  if (record.kind == RunnerRecord::Kind::kLost) {
    Fail(
        finished, v1::FAILURE_REASON_INTERRUPTED,
        record.text == "rebooted"
            ? "the instance rebooted while the script was running"
            : "the run ended on the instance without leaving a result (its supervisor was killed)");
    return event;
  }
  finished->mutable_execution_time()->set_seconds(record.duration.count() / 1000);
  finished->mutable_execution_time()->set_nanos(
      static_cast<int32_t>(record.duration.count() % 1000 * 1000000));
  switch (record.cause) {
    case RunnerRecord::Cause::kTimeout:
      Fail(finished, v1::FAILURE_REASON_EXECUTION_TIMEOUT,
           "the script ran longer than its timeout of " + std::to_string(assignment.timeout()) +
               " s and was stopped");
      break;
    case RunnerRecord::Cause::kCancel:
      finished->set_status(v1::PAYLOAD_STATUS_CANCELLED);
      finished->set_error("cancelled while the script was running");
      break;
    case RunnerRecord::Cause::kNone:
      SetOutcome(record, finished);
      break;
  }
  return event;
}

v1::TaskEvent FailedEvent(const absl::Status& status, bool executed) {
  const auto reason = EnumFromText<v1::FailureReason>(ReasonOf(status));
  const std::string error = ToPrintableLine(ToString(status), kMaxErrorBytes);
  if (absl::IsUnavailable(status)) return RetryEvent(reason, error);
  v1::TaskEvent event;
  v1::Finished* finished = event.mutable_finished();
  Fail(finished, reason == 0 ? v1::FAILURE_REASON_INTERNAL : reason, error);
  finished->set_executed(executed);
  finished->set_run_directory(executed);
  return event;
}

v1::TaskEvent CancelledEvent() {
  v1::TaskEvent event;
  event.mutable_finished()->set_status(v1::PAYLOAD_STATUS_CANCELLED);
  event.mutable_finished()->set_error("cancelled before the script was started");
  return event;
}

v1::TaskEvent RetryEvent(v1::FailureReason reason, std::string_view error) {
  v1::TaskEvent event;
  event.mutable_retry()->set_failure_reason(reason);
  event.mutable_retry()->set_error(std::string(error));
  return event;
}

}  // namespace longshore::run
