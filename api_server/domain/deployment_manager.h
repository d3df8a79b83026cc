// The rules of the RPCs about deployments, apart from DeployPayload.
#ifndef LONGSHORE_API_SERVER_DOMAIN_DEPLOYMENT_MANAGER_H_
#define LONGSHORE_API_SERVER_DOMAIN_DEPLOYMENT_MANAGER_H_

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "api_server/domain/deployer.h"
#include "api_server/domain/payload_lock.h"
#include "api_server/domain/signals.h"
#include "longshore/v1/payload_service.pb.h"
#include "storage/database.h"
#include "storage/output_store.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class DeploymentManager {
 public:
  DeploymentManager(storage::Database* database, Signals* signals, DeployLimits limits,
                    OutputLimit output_limit);

  absl::StatusOr<v1::Deployment> Get(const Caller& caller, int64_t deployment_id);
  absl::StatusOr<v1::ListDeploymentsResponse> List(const Caller& caller,
                                                   const v1::ListDeploymentsRequest& request);
  absl::StatusOr<v1::Deployment> Cancel(const Caller& caller, int64_t deployment_id);
  absl::StatusOr<v1::Deployment> Pause(const Caller& caller, int64_t deployment_id);
  absl::StatusOr<v1::Deployment> Resume(const Caller& caller,
                                        const v1::ResumeDeploymentRequest& request);
  absl::StatusOr<v1::DeployPayloadResponse> Retry(const Caller& caller,
                                                  const v1::RetryDeploymentRequest& request);

 private:
  // Begins a new attempt (Payload.attempt) of every payload in `locked` whose instance still takes
  // payloads.
  absl::Status InsertRetries(storage::Connection& connection, const Caller& caller,
                             const LockedPayloads& locked,
                             v1::DeployPayloadResponse* response) const;
  // Stops the check between waves that is under way, if there is one, or has just begun.
  absl::Status CancelCheck(const Caller& caller, int64_t deployment_id);

  storage::Database& database_;
  Signals& signals_;
  const DeployLimits limits_;
  const OutputLimit output_limit_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_DEPLOYMENT_MANAGER_H_
