// The deployments table. Its rollout columns are in rollout_store.h.
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
#include "storage/scope.h"

namespace longshore::storage {

// A rollout in numbers of payloads.
struct RolloutLimits {
  int max_concurrency = 0;  // 0: no limit.
  int max_errors = 0;       // 0: no limit.
  // Up to which payload each wave goes, counted from the first; the last is their number. Empty: no
  // waves.
  std::vector<int64_t> waves{};
  // Between waves: one of them, or nothing.
  int pause_seconds = 0;
  bool until_resumed = false;
  std::string check_script_sha256{};  // 32 raw bytes; empty: no check.

  // Whether tasks begin behind a gate, as has_gate of queries/fragments.sql has it.
  bool has_gate() const { return max_concurrency > 0 || !waves.empty(); }
};

struct NewDeployment {
  std::string script_sha256;  // 32 raw bytes; scripts are in script_store.h.
  int64_t script_bytes = 0;
  // The payload_path of the request; empty for payload_content.
  std::string original_path;
  std::string remote_path;  // From the request; empty: each instance's default.
  bool execute_payload = false;
  int timeout = 0;                     // Seconds.
  v1::DeployPayloadRequest request{};  // Without scripts.
  RolloutLimits rollout{};
  std::string project{};      // Of all its instances.
  std::string traceparent{};  // Of the request; empty without one.
};

// What a new deployment is known by, and what its payloads and their tasks, of which none is there
// yet, are to be: as many ids of each.
struct DeploymentIds {
  int64_t deployment = 0;
  std::vector<int64_t> payloads;
  std::vector<int64_t> tasks;
};

namespace deployment_store {

// Inserts a deployment to `payloads` instances. Returns nullopt when one of its scripts is not
// there: script_store::Put stores it, and keeps it for another try in the same transaction.
absl::StatusOr<std::optional<DeploymentIds>> Insert(Connection& connection,
                                                    const NewDeployment& deployment,
                                                    int64_t payloads);
// Returns the deployment with its counts, or nullopt when there is none.
absl::StatusOr<std::optional<v1::Deployment>> Get(Connection& connection, const Scope& scope,
                                                  int64_t id);
// Lists deployments by descending id, with their counts and without request.instance_ids.
// page.after is the last id of the previous page. An empty project means every project.
absl::StatusOr<std::vector<v1::Deployment>> List(Connection& connection, const Scope& scope,
                                                 const std::string& project, Page page);

// What somebody has to know who tells others about a deployment.
struct Summary {
  std::string project;
  int64_t first_payload_id = 0;  // Its watches are woken by the ids of its payloads.
};
absl::StatusOr<Summary> GetSummary(Connection& connection, int64_t id);

// What a watch compares to find the payloads that have changed.
struct PayloadState {
  int64_t id = 0;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  int attempt = 0;  // Payload.attempt, not Task.attempt.
};
// Returns the state of each payload of the deployment, by ascending id.
absl::StatusOr<std::vector<PayloadState>> PayloadStates(Connection& connection, int64_t id);

}  // namespace deployment_store

// Adds `count` payloads of one status to `counts`; `count` may be negative.
void AddToCounts(v1::PayloadStatus status, int64_t count, v1::PayloadCounts* counts);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_DEPLOYMENT_STORE_H_
