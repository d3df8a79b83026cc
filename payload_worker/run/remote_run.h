// One run that a worker follows.
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

// The state of a run that is being followed. One thread at a time owns it: first a connector's,
// then the follower's.
struct RemoteRun {
  v1::Assignment assignment;
  std::unique_ptr<ssh::RemoteCommand> command;  // The remote runner.
  RecordReader records;
  OutputReader output;
  int64_t next_offset = 0;                         // Where the next byte of output belongs.
  std::optional<RunnerRecord> end;                 // kEnd or kLost, once it has come.
  bool finished = false;                           // The last event is with the outbox.
  uint64_t received = 0;                           // Bytes from the command's socket.
  std::chrono::steady_clock::time_point heard_at;  // When `received` last grew.
  // A silent runner has been asked since heard_at whether it is alive.
  bool ping_sent = false;
  bool output_missing = false;  // The output was cut short on the instance.
  std::string violation;        // How the instance broke the protocol; empty if it did not.
  std::optional<std::chrono::steady_clock::time_point>
      cleaning_since;  // When it was asked to clean.
  // Set when the run has ended and some of its output is still to come: since when none has come.
  std::optional<std::chrono::steady_clock::time_point> output_due_since;

  LeaseKey key() const { return {assignment.task_id(), assignment.lease_epoch()}; }
  // Notes what the runner says about the run's end. Only the first kEnd or kLost counts.
  void Apply(const RunnerRecord& record);
  // Returns true when all that the run printed has come, as far as its size is known.
  bool OutputIsComplete() const { return end.has_value() && next_offset >= end->output_size; }
};

// Returns the error for what an instance says that cannot be true of this run. It is final: nothing
// is tried again.
absl::Status ProtocolViolation(const std::string& what);
// Returns an error unless output from `offset` on is what was asked for.
absl::Status CheckOffset(const v1::Assignment& assignment, int64_t offset);

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_REMOTE_RUN_H_
