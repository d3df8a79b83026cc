// The rules of CreateInstance.
#ifndef LONGSHORE_API_SERVER_DOMAIN_INSTANCE_CREATOR_H_
#define LONGSHORE_API_SERVER_DOMAIN_INSTANCE_CREATOR_H_

#include <map>

#include "absl/status/statusor.h"
#include "api_server/domain/caller.h"
#include "api_server/domain/deployer.h"
#include "api_server/domain/signals.h"
#include "api_server/providers/providers.h"
#include "longshore/v1/instance_service.pb.h"
#include "storage/database.h"

namespace longshore::domain {

// Thread-safe. Errors are those of errors.h.
class InstanceCreator {
 public:
  InstanceCreator(storage::Database* database, const providers::Providers* providers,
                  const Deployer* deployer, Signals* signals, Quotas quotas);

  absl::StatusOr<v1::CreateInstanceResponse> Create(const Caller& caller,
                                                    const v1::CreateInstanceRequest& request);

 private:
  absl::Status Check(const v1::CreateInstanceRequest& request) const;
  // Those of its payloads are checked with them.
  absl::Status CheckQuotas(storage::Connection& connection,
                           const v1::CreateInstanceRequest& request) const;
  // Inserts the instances and their tasks. Sets `last_tasks` to the task, by instance, whose end
  // makes the instance READY.
  absl::Status InsertInstances(storage::Connection& connection,
                               const v1::CreateInstanceRequest& request,
                               std::map<int64_t, int64_t>* last_tasks,
                               v1::CreateInstanceResponse* response) const;
  // Inserts one payload for each instance of `response`. Each waits for the last task of its
  // instance.
  absl::Status InsertPayloads(storage::Connection& connection, const Caller& caller,
                              Deployer::Plan* plan, v1::DeployPayloadRequest payload,
                              v1::CreateInstanceResponse* response) const;

  storage::Database& database_;
  const providers::Providers& providers_;
  const Deployer& deployer_;
  Signals& signals_;
  const Quotas quotas_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_INSTANCE_CREATOR_H_
