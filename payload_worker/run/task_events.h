// Makes the last event of a task from the end of its run, or from the error that kept it from one.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_TASK_EVENTS_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_TASK_EVENTS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/run/runner_records.h"

namespace longshore::run {

// How an output ended, for a worker that has read up to `next_offset`.
struct OutputEnd {
  int64_t next_offset = 0;
  bool missing = false;  // Something that was printed was cut out on the instance.
};

// Returns the last event of a run that ended with `record` (kEnd or kLost).
v1::TaskEvent FinishedEvent(const v1::Assignment& assignment, const RunnerRecord& record,
                            const OutputEnd& output);
// Returns the last event of a task that failed with `status` (ssh/errors.h): Retry for Unavailable,
// and Finished otherwise. Its text is one printable line of limited length, even if parts of it
// come from the instance.
v1::TaskEvent FailedEvent(const absl::Status& status, bool executed);
// Returns the last event of a task that was cancelled before its script was started.
v1::TaskEvent CancelledEvent();
// Returns the last event of a try that may be repeated.
v1::TaskEvent RetryEvent(v1::FailureReason reason, std::string_view error);

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_TASK_EVENTS_H_
