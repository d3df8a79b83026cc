// What a worker's messages must look like before anything is done with them. Bytes from outside:
// see the fuzz target.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "longshore/v1/worker_service.pb.h"

namespace longshore::executor {

inline constexpr int64_t kMaxChunkBytes = 64 * 1024;
inline constexpr int kMaxEventsPerMessage = 4096;
inline constexpr int kMaxHeartbeatTasks = 100000;
// Assignments that one worker may ask for at a time.
inline constexpr int kMaxCredit = 100000;

// Each returns INVALID_ARGUMENT that names what breaks which rule.

// What ends a stream: a hello that is none, a gap in the sequence of events, a heartbeat that does
// not add up. `last_sequence` is that of the last event accepted on this stream, 0 for none yet: a
// stream may begin anywhere but must not leave a gap.
absl::Status CheckHello(const v1::WorkerHello& hello);
absl::Status CheckSequence(const v1::TaskEvents& events, uint64_t last_sequence);
absl::Status CheckHeartbeat(const v1::Heartbeat& heartbeat);

// What costs only the task that the event is about: what it says. `head_bytes` is the end of an
// output's head, which no chunk may cross.
absl::Status CheckEvent(const v1::TaskEvent& event, int64_t head_bytes);

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_
