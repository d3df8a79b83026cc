// Checks between the waves of rollouts, each of which is a deployment.
#ifndef LONGSHORE_API_SERVER_DOMAIN_WAVE_CHECKS_H_
#define LONGSHORE_API_SERVER_DOMAIN_WAVE_CHECKS_H_

#include "absl/status/statusor.h"
#include "api_server/domain/deployer.h"
#include "storage/connection.h"
#include "storage/rollout_store.h"

namespace longshore::domain {

// Deploys the script of the check to the instances of the wave. Returns the id of the deployment,
// or why there can be none: an error of errors.h, or of the database.
absl::StatusOr<int64_t> DeployCheck(storage::Connection& connection, const Deployer& deployer,
                                    const storage::rollout_store::WaveCheck& check);

}  // namespace longshore::domain

#endif  // LONGSHORE_API_SERVER_DOMAIN_WAVE_CHECKS_H_
