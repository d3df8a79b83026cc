// The rules that a worker's messages must keep before anything is done with them. The messages come
// from outside, so there is a fuzz target for these rules.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"

namespace longshore::executor {

inline constexpr int64_t kMaxChunkBytes = int64_t{64} * 1024;
inline constexpr int kMaxEventsPerMessage = 4096;
inline constexpr int kMaxHeartbeatTasks = 100000;
// The most assignments that one worker may ask for at a time.
inline constexpr int kMaxCredit = 100000;

// Each function below returns INVALID_ARGUMENT, which names the value and the rule that it breaks.

// Errors of these end the stream: an unusable hello, a gap in the sequence of events, a heartbeat
// whose lists do not match. `last_sequence` is the number of the last event accepted on this
// stream, or 0 before the first one: a stream may begin with any number but must not leave a gap.
absl::Status CheckHello(const v1::WorkerHello& hello);
absl::Status CheckSequence(const v1::TaskEvents& events, uint64_t last_sequence);
absl::Status CheckHeartbeat(const v1::Heartbeat& heartbeat);

// An error of this ends only the task of the event. `head_bytes` is the end of an output's head,
// which no chunk may cross.
absl::Status CheckEvent(const v1::TaskEvent& event, int64_t head_bytes);

// Returns the microseconds that a script ran, of an event that keeps the rules.
int64_t ExecutionTimeUs(const v1::Finished& finished);

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_
