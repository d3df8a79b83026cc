// The rules of DeployPayload: one script becomes many payloads, all in one transaction.
#ifndef LONGSHORE_API_SERVER_DOMAIN_DEPLOYER_H_
#define LONGSHORE_API_SERVER_DOMAIN_DEPLOYER_H_

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "api_server/domain/audit.h"
#include "api_server/domain/caller.h"
#include "api_server/domain/quota.h"
#include "api_server/domain/script_source.h"
#include "api_server/domain/signals.h"
#include "common/policy.h"
#include "longshore/v1/payload_service.pb.h"
#include "storage/database.h"
#include "storage/deployment_store.h"
#include "storage/instance_store.h"

namespace longshore::domain {

struct DeployLimits {
  int default_payload_timeout = policy::kDefaultPayloadTimeout.count();  // Seconds.
  int max_payload_timeout = policy::kMaxPayloadTimeout.count();          // Seconds.
  std::chrono::seconds delivery_timeout = policy::kDeliveryTimeout;
  std::vector<std::string> allowed_remote_dirs;  // When empty, any directory is allowed.
  Quotas quotas;
};

// Returns the default for 0, and `timeout` when it is in range. Errors: TIMEOUT_OUT_OF_RANGE.
absl::StatusOr<int> ResolveTimeout(int timeout, int default_timeout, int max_timeout);

// Returns WRONG_STATE for an instance that is TERMINATED or about to be.
absl::Status CheckTakesPayloads(int64_t id, const storage::instance_store::Target& instance);

// Collects why instances take no payload, in errors and instance_errors of an answer: as many as an
// answer to a request for `instances` instances has room for, which gRPC's clients take.
class InstanceErrors {
 public:
  // `response` must outlive it.
  InstanceErrors(size_t instances, v1::DeployPayloadResponse* response);
  void Add(int64_t instance_id, const absl::Status& status);
  // OK when there was none.
  const absl::Status& first() const { return first_; }

 private:
  v1::DeployPayloadResponse& response_;
  absl::Status first_;
  size_t room_;  // Bytes.
};

// Thread-safe. Errors are those of errors.h.
class Deployer {
 public:
  Deployer(storage::Database* database, const ScriptSource* scripts, Signals* signals,
           DeployLimits limits);

  absl::StatusOr<v1::DeployPayloadResponse> Deploy(const Caller& caller,
                                                   const v1::DeployPayloadRequest& request);

  // Prepare and DeployIn are the two halves of Deploy, for callers that deploy in a transaction of
  // their own: Prepare needs no database, DeployIn does the rest.
  struct Plan {
    Script script;
    Script check_script;  // Of the pause between waves; empty without one.
    storage::NewDeployment deployment;
    std::vector<int64_t> instance_ids;
    std::vector<std::string> remote_paths;
    std::map<int64_t, int64_t> depends_on;  // By instance, the task that its payload waits for.
    bool counts_for_quota = true;
  };
  absl::StatusOr<Plan> Prepare(const Caller& caller, const v1::DeployPayloadRequest& request) const;
  // Does the same for a request whose instances are not known yet.
  absl::StatusOr<Plan> PrepareWithoutInstances(const Caller& caller,
                                               const v1::DeployPayloadRequest& request) const;
  absl::Status DeployIn(storage::Connection& connection, const Caller& caller,
                        const v1::DeployPayloadRequest& request, Plan* plan,
                        v1::DeployPayloadResponse* response) const;

 private:
  // Divides the instances into taken and refused ones. Fails when none is taken.
  absl::Status ChooseInstances(storage::Connection& connection, const Caller& caller,
                               const v1::DeployPayloadRequest& request, Plan* plan,
                               v1::DeployPayloadResponse* response) const;
  absl::Status Insert(storage::Connection& connection, const Plan& plan,
                      v1::DeployPayloadResponse* response) const;

  storage::Database& database_;
  const ScriptSource& scripts_;
  Signals& signals_;
  const DeployLimits limits_;
};

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_DEPLOYER_H_
