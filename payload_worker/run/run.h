// One payload in a worker's hands, and what is made of its end.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUN_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUN_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/run/runner_records.h"
#include "payload_worker/ssh/session.h"

namespace longshore::run {

// A run that is being followed. Belongs to one thread at a time: a connector's, then the
// follower's.
struct Run {
  v1::Assignment assignment;
  std::unique_ptr<ssh::Session> session;
  RecordReader records;
  OutputReader output;
  int64_t next_offset = 0;          // Of the next byte of output.
  std::optional<RunnerRecord> end;  // kEnd or kLost, once it has come.
  bool finished = false;            // The last event is with the outbox.
  uint64_t received = 0;            // From the session's socket, and when it last became more.
  std::chrono::steady_clock::time_point heard_at;
  bool asked = false;           // Whether the runner is still there, since then.
  bool output_missing = false;  // The output was cut short on the instance.
  std::string lie;              // What the instance said of the run that cannot be.
  std::optional<std::chrono::steady_clock::time_point> cleaning_since;
  // The run has ended and output is still to come, since which moment none has.
  std::optional<std::chrono::steady_clock::time_point> output_due_since;

  LeaseKey key() const { return {assignment.task_id(), assignment.lease_epoch()}; }
  // Notes what the runner says of the run's end; the first word counts.
  void Take(const RunnerRecord& record);
  // All that the run printed, as far as it is known, has come.
  bool OutputIsComplete() const { return end.has_value() && next_offset >= end->output_size; }
};

// What an end of an output looks like to whoever has read up to `next_offset`.
struct OutputEnd {
  int64_t next_offset = 0;
  bool missing = false;  // Something that was printed was cut out on the instance.
};

// The last event of a run that ended with `record` (kEnd or kLost).
v1::TaskEvent FinishedEvent(const v1::Assignment& assignment, const RunnerRecord& record,
                            const OutputEnd& output);
// The last event of a payload that failed, or may be tried again, because of `status`
// (ssh/errors.h). What an instance has said is in it as one printable line of bounded length.
v1::TaskEvent FailedEvent(const absl::Status& status, bool executed);
// What the instance says cannot be so of this run: it ends, and nothing is tried again.
absl::Status InstanceLies(const std::string& what);
// The offset that a run's output is said to begin at is one that was asked for.
absl::Status CheckOffset(const v1::Assignment& assignment, int64_t offset);
// The last event of a payload that was cancelled before its script was started.
v1::TaskEvent CancelledEvent();
v1::TaskEvent RetryEvent(v1::FailureReason reason, std::string_view error);

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUN_H_
