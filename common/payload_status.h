// Facts about PayloadStatus that several programs need.
#ifndef LONGSHORE_COMMON_PAYLOAD_STATUS_H_
#define LONGSHORE_COMMON_PAYLOAD_STATUS_H_

#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/payload.pb.h"

namespace longshore {

// Returns true for COMPLETED, FAILED and CANCELLED. Only a retry changes such a status.
inline bool IsTerminal(v1::PayloadStatus status) {
  return status == v1::PAYLOAD_STATUS_COMPLETED || status == v1::PAYLOAD_STATUS_FAILED ||
         status == v1::PAYLOAD_STATUS_CANCELLED;
}

// Returns true when every payload of the deployment that is counted has such a status.
inline bool AllTerminal(const v1::PayloadCounts& counts) {
  return counts.completed() + counts.failed() + counts.cancelled() == counts.total();
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_PAYLOAD_STATUS_H_
