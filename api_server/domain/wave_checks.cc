#include "api_server/domain/wave_checks.h"

#include "common/sha256.h"
#include "common/status_macros.h"

namespace longshore::domain {

absl::StatusOr<int64_t> DeployCheck(storage::Connection& connection, const Deployer& deployer,
                                    const storage::rollout_store::WaveCheck& check) {
  // It was allowed with the deployment that it belongs to.
  const Caller rollout{
      .name = "rollout", .scope = storage::Scope::Everything(), .traceparent = check.traceparent};
  v1::DeployPayloadRequest request;
  request.mutable_instance_ids()->Add(check.instance_ids.begin(), check.instance_ids.end());
  request.set_payload_content(check.script);
  request.set_execute_payload(true);
  request.set_timeout(check.timeout);
  // It goes where its wave went: a directory for scripts may be the only one that is allowed.
  if (const size_t slash = check.remote_path.rfind('/'); slash != std::string::npos) {
    request.set_remote_path(check.remote_path.substr(0, slash) + "/longshore-check-" +
                            HexEncode(Sha256(check.script)).substr(0, 12) + ".sh");
  }
  ASSIGN_OR_RETURN(Deployer::Plan plan, deployer.Prepare(rollout, request));
  plan.counts_for_quota = false;
  v1::DeployPayloadResponse response;
  RETURN_IF_ERROR(deployer.DeployIn(connection, rollout, request, &plan, &response));
  return response.deployment_id();
}

}  // namespace longshore::domain
