// The RPC WatchInstances.
#ifndef LONGSHORE_API_SERVER_SERVICES_INSTANCE_WATCH_H_
#define LONGSHORE_API_SERVER_SERVICES_INSTANCE_WATCH_H_

#include <grpcpp/grpcpp.h>

#include "api_server/services/guarded.h"
#include "api_server/services/watch_hub.h"
#include "longshore/v1/instance_service.pb.h"

namespace longshore::services {

// Starts a stream that answers `request` of a caller whom `admission` admits. The reactor deletes
// itself when the stream is done. It holds some 60 bytes for each instance that it watches.
grpc::ServerWriteReactor<v1::Instance>* StartInstanceWatch(
    WatchHub* hub, Admission admission, const v1::WatchInstancesRequest& request);

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_INSTANCE_WATCH_H_
