// The last event of a payload: what is made of the end of its run, or of what kept it from one.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_TASK_EVENTS_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_TASK_EVENTS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/run/runner_records.h"

namespace longshore::run {

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
// The last event of a payload that was cancelled before its script was started.
v1::TaskEvent CancelledEvent();
v1::TaskEvent RetryEvent(v1::FailureReason reason, std::string_view error);

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_TASK_EVENTS_H_
