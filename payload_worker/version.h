// The version that a worker tells its server, which refuses 0.1.0: that names runs by
// PAYLOAD.ATTEMPT.
#ifndef LONGSHORE_PAYLOAD_WORKER_VERSION_H_
#define LONGSHORE_PAYLOAD_WORKER_VERSION_H_

namespace longshore {

inline constexpr char kVersion[] = "0.2.0";

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_VERSION_H_
