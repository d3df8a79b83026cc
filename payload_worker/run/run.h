// One payload in a worker's hands, and what is made of its end.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_RUN_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_RUN_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "payload_worker/outbox.h"
#include "payload_worker/run/runner_records.h"
#include "payload_worker/ssh/session.h"
#include "proto/longshore/v1/worker_service.pb.h"

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
  bool asked = false;  // Whether the runner is still there, since then.

  LeaseKey key() const { return {assignment.task_id(), assignment.lease_epoch()}; }
};

// The last event of a run that ended with `record` (kEnd or kLost). `output_bytes` is all that the
// script printed.
v1::TaskEvent FinishedEvent(const v1::Assignment& assignment, const RunnerRecord& record,
                            int64_t output_bytes);
// The last event of a payload that failed, or may be tried again, because of `status`
// (ssh/errors.h).
v1::TaskEvent FailedEvent(const absl::Status& status, bool executed);
// The last event of a payload that was cancelled before its script was started.
v1::TaskEvent CancelledEvent();
v1::TaskEvent RetryEvent(v1::FailureReason reason, std::string_view error);

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_RUN_H_
