// The RPC WatchDeployment.
#ifndef LONGSHORE_API_SERVER_SERVICES_DEPLOYMENT_WATCH_H_
#define LONGSHORE_API_SERVER_SERVICES_DEPLOYMENT_WATCH_H_

#include <grpcpp/grpcpp.h>

#include "api_server/services/deployment_feed.h"
#include "api_server/services/guarded.h"
#include "longshore/v1/payload_service.pb.h"

namespace longshore::services {

// Starts a stream that answers `request` of a caller whom `admission` admits. The reactor deletes
// itself when the stream is done. It holds a byte for each payload of the deployment.
grpc::ServerWriteReactor<v1::DeploymentEvent>* StartDeploymentWatch(
    DeploymentFeeds* feeds, Admission admission, const v1::WatchDeploymentRequest& request);

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_DEPLOYMENT_WATCH_H_
