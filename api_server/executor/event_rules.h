// What a worker's messages must look like before anything is done with them. Bytes from outside:
// see the fuzz target.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "proto/longshore/v1/worker_service.pb.h"

namespace longshore::executor {

inline constexpr int64_t kMaxChunkBytes = 64 * 1024;
inline constexpr int kMaxEventsPerMessage = 4096;
inline constexpr int kMaxHeartbeatTasks = 100000;

// Checks one message; INVALID_ARGUMENT names what breaks which rule. `last_sequence` is that of the
// last event accepted on this stream, 0 for none yet: a stream may begin anywhere but must not
// leave a gap, and `head_bytes` is the end of an output's head, which no chunk may cross.
absl::Status CheckHello(const v1::WorkerHello& hello);
absl::Status CheckEvents(const v1::TaskEvents& events, uint64_t last_sequence, int64_t head_bytes);
absl::Status CheckHeartbeat(const v1::Heartbeat& heartbeat);

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_RULES_H_
