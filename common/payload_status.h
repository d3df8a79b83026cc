// What is said about a PayloadStatus in more than one place.
#ifndef LONGSHORE_COMMON_PAYLOAD_STATUS_H_
#define LONGSHORE_COMMON_PAYLOAD_STATUS_H_

#include "longshore/v1/payload.pb.h"

namespace longshore {

// True for COMPLETED, FAILED and CANCELLED: nothing changes any more.
inline bool IsTerminal(v1::PayloadStatus status) {
  return status == v1::PAYLOAD_STATUS_COMPLETED || status == v1::PAYLOAD_STATUS_FAILED ||
         status == v1::PAYLOAD_STATUS_CANCELLED;
}

}  // namespace longshore

#endif  // LONGSHORE_COMMON_PAYLOAD_STATUS_H_
