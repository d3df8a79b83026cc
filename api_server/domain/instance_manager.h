// The rules of InstanceService, apart from CreateInstance.
#ifndef LONGSHORE_API_SERVER_DOMAIN_INSTANCE_MANAGER_H_
#define LONGSHORE_API_SERVER_DOMAIN_INSTANCE_MANAGER_H_

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "api_server/domain/deployer.h"
#include "api_server/domain/signals.h"
#include "longshore/v1/instance_service.pb.h"
#include "storage/database.h"
#include "storage/instance_store.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class InstanceManager {
 public:
  InstanceManager(storage::Database* database, const Deployer* deployer, Signals* signals,
                  Quotas quotas);

  absl::StatusOr<v1::Instance> Register(const Caller& caller,
                                        const v1::RegisterInstanceRequest& request);
  absl::StatusOr<v1::Instance> Get(const Caller& caller, int64_t instance_id);
  absl::StatusOr<v1::ListInstancesResponse> List(const Caller& caller,
                                                 const v1::ListInstancesRequest& request);
  absl::StatusOr<v1::UpdateInstanceResponse> Update(const Caller& caller,
                                                    const v1::UpdateInstanceRequest& request);
  absl::StatusOr<v1::TerminateInstanceResponse> Terminate(const Caller& caller,
                                                          int64_t instance_id);

 private:
  // `plan` is of the payload that comes with the request; null without one.
  absl::Status UpdateIn(storage::Connection& connection, const Caller& caller,
                        const v1::UpdateInstanceRequest& request, storage::InstanceUpdate update,
                        Deployer::Plan* plan, v1::UpdateInstanceResponse* response) const;

  storage::Database& database_;
  const Deployer& deployer_;
  Signals& signals_;
  const Quotas quotas_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_INSTANCE_MANAGER_H_
