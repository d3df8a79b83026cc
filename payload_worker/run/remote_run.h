// One payload in a worker's hands.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_REMOTE_RUN_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_REMOTE_RUN_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/run/runner_records.h"
#include "payload_worker/ssh/remote_command.h"

namespace longshore::run {

// A run that is being followed. Belongs to one thread at a time: a connector's, then the
// follower's.
struct RemoteRun {
  v1::Assignment assignment;
  std::unique_ptr<ssh::RemoteCommand> command;  // The remote runner.
  RecordReader records;
  OutputReader output;
  int64_t next_offset = 0;          // Of the next byte of output.
  std::optional<RunnerRecord> end;  // kEnd or kLost, once it has come.
  bool finished = false;            // The last event is with the outbox.
  uint64_t received = 0;            // From the command's socket, and when it last became more.
  std::chrono::steady_clock::time_point heard_at;
  bool ping_sent = false;       // Since then, to a runner that is silent.
  bool output_missing = false;  // The output was cut short on the instance.
  std::string violation;        // What the instance said of the run that cannot be.
  std::optional<std::chrono::steady_clock::time_point> cleaning_since;
  // The run has ended and output is still to come, since which moment none has.
  std::optional<std::chrono::steady_clock::time_point> output_due_since;

  LeaseKey key() const { return {assignment.task_id(), assignment.lease_epoch()}; }
  // Notes what the runner says of the run's end; the first word counts.
  void Apply(const RunnerRecord& record);
  // All that the run printed, as far as it is known, has come.
  bool OutputIsComplete() const { return end.has_value() && next_offset >= end->output_size; }
};

// What the instance says cannot be so of this run: it ends, and nothing is tried again.
absl::Status ProtocolViolation(const std::string& what);
// The offset that a run's output is said to begin at is one that was asked for.
absl::Status CheckOffset(const v1::Assignment& assignment, int64_t offset);

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_REMOTE_RUN_H_
