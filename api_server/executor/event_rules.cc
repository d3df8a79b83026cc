#include "api_server/executor/event_rules.h"

#include <string>

#include "common/status_macros.h"
#include "common/utf8.h"

namespace longshore::executor {
namespace {

constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxErrorBytes = 16384;
constexpr int kMaxCredit = 100000;

absl::Status Refuse(const std::string& problem) {
  return absl::InvalidArgumentError("worker stream: " + problem);
}

absl::Status CheckChunk(const v1::OutputChunk& chunk, int64_t head_bytes) {
  const int64_t size = static_cast<int64_t>(chunk.data().size());
  if (size == 0 || size > kMaxChunkBytes) {
    return Refuse("an output chunk of " + std::to_string(size) + " bytes; 1 to 65536 are allowed");
  }
  if (chunk.offset() < 0 || chunk.offset() > INT64_MAX - kMaxChunkBytes) {
    return Refuse("output offset " + std::to_string(chunk.offset()) + " is out of range");
  }
  if (chunk.offset() < head_bytes && chunk.offset() + size > head_bytes) {
    return Refuse("an output chunk crosses the end of the head");
  }
  return absl::OkStatus();
}

absl::Status CheckFinished(const v1::Finished& finished) {
  const bool failed = finished.status() == v1::PAYLOAD_STATUS_FAILED;
  if (!failed && finished.status() != v1::PAYLOAD_STATUS_TRANSFERRED &&
      finished.status() != v1::PAYLOAD_STATUS_COMPLETED &&
      finished.status() != v1::PAYLOAD_STATUS_CANCELLED) {
    return Refuse("finished with status " + std::to_string(finished.status()));
  }
  if (failed != (finished.failure_reason() != v1::FAILURE_REASON_UNSPECIFIED) ||
      !v1::FailureReason_IsValid(finished.failure_reason())) {
    return Refuse("failure_reason " + std::to_string(finished.failure_reason()) +
                  " does not go with the status");
  }
  if (finished.has_exit_code() && (finished.exit_code() < 0 || finished.exit_code() > 255)) {
    return Refuse("exit_code " + std::to_string(finished.exit_code()) + " is out of range");
  }
  if (finished.has_exit_code() && !finished.executed()) {
    return Refuse("an exit_code without a run");
  }
  if (finished.status() == v1::PAYLOAD_STATUS_COMPLETED &&
      (!finished.executed() || !finished.has_exit_code() || finished.exit_code() != 0)) {
    return Refuse("completed without exit_code 0");
  }
  if (finished.output_bytes() < 0 || finished.execution_time().seconds() < 0 ||
      finished.execution_time().seconds() > 315576000000) {
    return Refuse("a negative or absurd number in a result");
  }
  return absl::OkStatus();
}

absl::Status CheckText(const std::string& text, size_t limit) {
  if (text.size() > limit) return Refuse("a text of " + std::to_string(text.size()) + " bytes");
  if (text.find('\0') != std::string::npos) return Refuse("a text with a NUL byte");
  return absl::OkStatus();
}

absl::Status CheckEvent(const v1::TaskEvent& event, int64_t head_bytes) {
  if (event.kind_case() != v1::TaskEvent::kCleaned &&
      (event.task_id() <= 0 || event.lease_epoch() <= 0)) {
    return Refuse("task " + std::to_string(event.task_id()) + " under epoch " +
                  std::to_string(event.lease_epoch()));
  }
  switch (event.kind_case()) {
    case v1::TaskEvent::kHostKeySeen:
      return CheckText(event.host_key_seen().host_key(), kMaxErrorBytes);
    case v1::TaskEvent::kTransferred:
      return CheckText(event.transferred().remote_path(), 2 * 4096);
    case v1::TaskEvent::kOutput:
      return CheckChunk(event.output(), head_bytes);
    case v1::TaskEvent::kFinished:
      RETURN_IF_ERROR(CheckText(event.finished().error(), kMaxErrorBytes));
      return CheckFinished(event.finished());
    case v1::TaskEvent::kRetry:
      return CheckText(event.retry().error(), kMaxErrorBytes);
    case v1::TaskEvent::kProvisioned:
      RETURN_IF_ERROR(CheckText(event.provisioned().error(), kMaxErrorBytes));
      return CheckText(event.provisioned().log(), kMaxChunkBytes);
    case v1::TaskEvent::KIND_NOT_SET:
      return Refuse("an event of no kind");
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::Status CheckHello(const v1::WorkerHello& hello) {
  for (const std::string* text : {&hello.name(), &hello.incarnation()}) {
    if (text->empty()) return Refuse("hello without a name or an incarnation");
    RETURN_IF_ERROR(CheckText(*text, kMaxNameBytes));
  }
  RETURN_IF_ERROR(CheckText(hello.version(), kMaxNameBytes));
  RETURN_IF_ERROR(CheckText(hello.public_key(), kMaxErrorBytes));
  if (hello.public_key().find_first_of("\r\n") != std::string::npos) {
    return Refuse("a public key of more than one line");
  }
  if (hello.capacity() < 0 || hello.capacity() > kMaxCredit) {
    return Refuse("capacity " + std::to_string(hello.capacity()) + " is out of range");
  }
  return absl::OkStatus();
}

absl::Status CheckEvents(const v1::TaskEvents& events, uint64_t last_sequence, int64_t head_bytes) {
  if (events.events_size() > kMaxEventsPerMessage) {
    return Refuse(std::to_string(events.events_size()) + " events in one message");
  }
  for (const v1::TaskEvent& event : events.events()) {
    if (event.sequence() == 0 || (last_sequence != 0 && event.sequence() != last_sequence + 1)) {
      return Refuse("event " + std::to_string(event.sequence()) + " after " +
                    std::to_string(last_sequence));
    }
    last_sequence = event.sequence();
    RETURN_IF_ERROR(CheckEvent(event, head_bytes));
  }
  return absl::OkStatus();
}

absl::Status CheckHeartbeat(const v1::Heartbeat& heartbeat) {
  if (heartbeat.task_ids_size() != heartbeat.lease_epochs_size() ||
      heartbeat.task_ids_size() > kMaxHeartbeatTasks) {
    return Refuse("a heartbeat of " + std::to_string(heartbeat.task_ids_size()) + " tasks and " +
                  std::to_string(heartbeat.lease_epochs_size()) + " epochs");
  }
  return absl::OkStatus();
}

}  // namespace longshore::executor
