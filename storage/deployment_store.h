// The deployments table. Rollouts, which move it, are in rollout_store.h.
#ifndef LONGSHORE_STORAGE_DEPLOYMENT_STORE_H_
#define LONGSHORE_STORAGE_DEPLOYMENT_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "longshore/v1/deployment.pb.h"
#include "longshore/v1/payload.pb.h"
#include "storage/connection.h"
#include "storage/rows.h"

namespace longshore::storage {

struct NewDeployment {
  std::string script_sha256;  // 32 raw bytes; the script is in script_store.
  int64_t script_bytes = 0;
  std::string original_path;
  std::string remote_path;  // As asked for; empty when each instance has its own default.
  bool execute_payload = false;
  int timeout = 0;                     // Seconds.
  v1::DeployPayloadRequest request{};  // Without the script. Its rollout is the deployment's.
  std::vector<std::string> projects{};
};

namespace deployment_store {

absl::StatusOr<int64_t> Insert(Connection& connection, const NewDeployment& deployment);
// With its counts.
absl::StatusOr<std::optional<v1::Deployment>> Get(Connection& connection, int64_t id);
// By descending id, with their counts, without request.instance_ids; page.after is the last id of
// the page before. An empty project means every project.
absl::StatusOr<std::vector<v1::Deployment>> List(Connection& connection, const std::string& project,
                                                 Page page);

// What a watch has to know of each payload, by ascending id.
struct PayloadState {
  int64_t id = 0;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  int attempt = 0;
};
absl::StatusOr<std::vector<PayloadState>> PayloadStates(Connection& connection, int64_t id);

}  // namespace deployment_store

// Adds payloads of one status to `counts`.
void AddToCounts(v1::PayloadStatus status, int64_t count, v1::PayloadCounts* counts);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_DEPLOYMENT_STORE_H_
