#include "api_server/executor/event_rules.h"

#include <string>

#include "common/host_key.h"
#include "common/output_limit.h"
#include "common/short_name.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace longshore::executor {
namespace {

constexpr int kMaxProjects = 1000;
constexpr size_t kMaxNameBytes = 255;
constexpr size_t kMaxErrorBytes = 16384;
constexpr size_t kMaxPathBytes = 8192;  // Of paths from before the contract's limit was 1,024.
constexpr int64_t kMaxExecutionSeconds = 315576000000;  // The Duration type's limit.

absl::Status Refuse(const std::string& problem) {
  return absl::InvalidArgumentError("the worker's message has " + problem);
}

absl::Status CheckChunk(const v1::OutputChunk& chunk, int64_t head_bytes) {
  const int64_t size = static_cast<int64_t>(chunk.data().size());
  if (size == 0 || size > kMaxChunkBytes) {
    return Refuse("an output chunk of " + std::to_string(size) + " bytes; 1 to 65536 are allowed");
  }
  if (chunk.offset() < 0 || chunk.offset() > kMaxPrintedBytes) {
    return Refuse("output at offset " + std::to_string(chunk.offset()) + ", which is out of range");
  }
  if (chunk.offset() < head_bytes && chunk.offset() + size > head_bytes) {
    return Refuse("an output chunk that crosses the end of the head");
  }
  return absl::OkStatus();
}

absl::Status CheckFinished(const v1::Finished& finished) {
  const bool failed = finished.status() == v1::PAYLOAD_STATUS_FAILED;
  if (!failed && finished.status() != v1::PAYLOAD_STATUS_TRANSFERRED &&
      finished.status() != v1::PAYLOAD_STATUS_COMPLETED &&
      finished.status() != v1::PAYLOAD_STATUS_CANCELLED) {
    return Refuse("a result with status " + std::to_string(finished.status()));
  }
  if (failed != (finished.failure_reason() != v1::FAILURE_REASON_UNSPECIFIED) ||
      !v1::FailureReason_IsValid(finished.failure_reason())) {
    return Refuse("failure_reason " + std::to_string(finished.failure_reason()) +
                  ", which does not go with the status");
  }
  if (finished.has_exit_code() && (finished.exit_code() < 0 || finished.exit_code() > 255)) {
    return Refuse("exit_code " + std::to_string(finished.exit_code()) + ", which is out of range");
  }
  if (finished.has_exit_code() && !finished.executed()) {
    return Refuse("an exit_code without a run");
  }
  if (finished.status() == v1::PAYLOAD_STATUS_COMPLETED &&
      (!finished.executed() || !finished.has_exit_code() || finished.exit_code() != 0)) {
    return Refuse("COMPLETED without exit_code 0");
  }
  const auto& time = finished.execution_time();
  if (finished.output_bytes() < 0 || finished.output_bytes() > kMaxPrintedBytes ||
      time.seconds() < 0 || time.seconds() > kMaxExecutionSeconds || time.nanos() < 0 ||
      time.nanos() > 999999999) {
    return Refuse("a number in a result that is out of range");
  }
  return absl::OkStatus();
}

absl::Status CheckText(const std::string& text, size_t limit) {
  if (text.size() > limit) return Refuse("a text of " + std::to_string(text.size()) + " bytes");
  if (text.find('\0') != std::string::npos) return Refuse("a text with a NUL byte");
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckHello(const v1::WorkerHello& hello) {
  for (const std::string* text : {&hello.name(), &hello.incarnation()}) {
    if (text->empty()) return Refuse("a hello without a name or an incarnation");
  }
  for (const std::string* text : {&hello.name(), &hello.incarnation(), &hello.version()}) {
    RETURN_IF_ERROR(CheckText(*text, kMaxNameBytes));
    if (ToPrintableLine(*text, kMaxNameBytes) != *text) {
      return Refuse("a hello with a control character");
    }
  }
  if (!hello.pool().empty() && !IsShortName(hello.pool())) {
    return Refuse("a hello with a pool that is none");
  }
  if (hello.projects_size() > kMaxProjects) return Refuse("a hello with too many projects");
  for (const std::string& project : hello.projects()) {
    RETURN_IF_ERROR(CheckText(project, kMaxNameBytes));
    if (project.empty() || ToPrintableLine(project, kMaxNameBytes) != project) {
      return Refuse("a hello with a project that is none");
    }
  }
  if (hello.capacity() < 0 || hello.capacity() > kMaxCredit) {
    return Refuse("capacity " + std::to_string(hello.capacity()) + ", which is out of range");
  }
  return absl::OkStatus();
}

absl::Status CheckSequence(const v1::TaskEvents& events, uint64_t last_sequence) {
  if (events.events_size() > kMaxEventsPerMessage) {
    return Refuse(std::to_string(events.events_size()) + " events");
  }
  for (const v1::TaskEvent& event : events.events()) {
    if (event.sequence() == 0 || (last_sequence != 0 && event.sequence() != last_sequence + 1)) {
      return Refuse("event " + std::to_string(event.sequence()) + " after " +
                    std::to_string(last_sequence));
    }
    last_sequence = event.sequence();
  }
  return absl::OkStatus();
}

absl::Status CheckEvent(const v1::TaskEvent& event, int64_t head_bytes) {
  switch (event.kind_case()) {
    case v1::TaskEvent::kHostKeySeen:
      if (IsHostKey(event.host_key_seen().host_key())) return absl::OkStatus();
      return Refuse("an invalid host key");
    case v1::TaskEvent::kTransferred:
      return CheckText(event.transferred().remote_path(), kMaxPathBytes);
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

int64_t ExecutionTimeUs(const v1::Finished& finished) {
  return finished.execution_time().seconds() * 1000000 + finished.execution_time().nanos() / 1000;
}

absl::Status CheckHeartbeat(const v1::Heartbeat& heartbeat) {
  if (heartbeat.task_ids_size() != heartbeat.lease_epochs_size() ||
      heartbeat.task_ids_size() > kMaxHeartbeatTasks) {
    return Refuse("a heartbeat of " + std::to_string(heartbeat.task_ids_size()) + " tasks and " +
                  std::to_string(heartbeat.lease_epochs_size()) + " epochs");
  }
  if (heartbeat.groups_size() > kMaxHeartbeatTasks) {
    return Refuse("a heartbeat of " + std::to_string(heartbeat.groups_size()) + " groups");
  }
  if (heartbeat.make_group() && (heartbeat.task_ids_size() == 0 || heartbeat.groups_size() > 0)) {
    return Refuse("a group of no task, or of groups");
  }
  return absl::OkStatus();
}

}  // namespace longshore::executor
