// The RPC WatchPayload.
#ifndef LONGSHORE_API_SERVER_SERVICES_PAYLOAD_WATCH_H_
#define LONGSHORE_API_SERVER_SERVICES_PAYLOAD_WATCH_H_

#include <grpcpp/grpcpp.h>

#include "api_server/services/guarded.h"
#include "api_server/services/watch_hub.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::services {

// Starts a stream that answers `request` of a caller whom `admission` admits. The reactor deletes
// itself when the stream is done.
grpc::ServerWriteReactor<v1::PayloadEvent>* StartPayloadWatch(
    WatchHub* hub, Admission admission, const v1::WatchPayloadRequest& request);

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_PAYLOAD_WATCH_H_
