// The payloads table.
#ifndef LONGSHORE_STORAGE_PAYLOAD_STORE_H_
#define LONGSHORE_STORAGE_PAYLOAD_STORE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "longshore/v1/payload.pb.h"
#include "storage/connection.h"
#include "storage/deployment_store.h"
#include "storage/rows.h"
#include "storage/scope.h"
#include "storage/task_store.h"

namespace longshore::storage {

// A payload with a column that the public message does not have.
struct StoredPayload {
  v1::Payload payload;
  bool execute_payload = false;  // The transfer also runs the script.
};

// Which payloads to list. 0 or unspecified: any.
struct PayloadFilter {
  int64_t deployment_id = 0;
  int64_t instance_id = 0;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  v1::FailureReason failure_reason = v1::FAILURE_REASON_UNSPECIFIED;
};

namespace payload_store {

// Inserts the payloads of one deployment, each with its first task, one for each index of `tasks`,
// and begins its rollout. Each gets a random run id.
absl::Status InsertBatch(Connection& connection, int64_t deployment_id,
                         const NewDeployment& deployment, const NewTasks& tasks);

// Returns the payload without its output, or nullopt when there is none.
absl::StatusOr<std::optional<StoredPayload>> Get(Connection& connection, const Scope& scope,
                                                 int64_t id);
// Returns the payloads that exist, by ascending id, without output. `lock` locks them FOR UPDATE;
// lock their tasks first (task_store::Lock).
absl::StatusOr<std::vector<StoredPayload>> GetMany(Connection& connection, const Scope& scope,
                                                   const std::vector<int64_t>& ids, bool lock);
// Returns when each payload that exists was changed last, by id, in microseconds since the epoch.
absl::StatusOr<std::map<int64_t, int64_t>> UpdateTimes(Connection& connection,
                                                       const std::vector<int64_t>& ids);
// Lists payloads by descending id, without output. page.after is the last id of the previous page.
absl::StatusOr<std::vector<v1::Payload>> List(Connection& connection, const Scope& scope,
                                              const PayloadFilter& filter, Page page);

// Learns the home directories of login users from where scripts have arrived, by payload. Call it
// before what overwrites the paths that were asked for.
absl::Status LearnHomes(Connection& connection, const std::map<int64_t, std::string>& arrived);
// Sets payloads from PENDING to TRANSFERRED and stores where their scripts are.
absl::Status MarkTransferred(Connection& connection, const std::map<int64_t, std::string>& arrived);
// Returns the payloads of a deployment that have one of `statuses`, by ascending id.
absl::StatusOr<std::vector<int64_t>> IdsOfDeployment(
    Connection& connection, int64_t deployment_id, const std::vector<v1::PayloadStatus>& statuses);
// Returns the payloads of an instance that are not terminal, by ascending id.
absl::StatusOr<std::vector<int64_t>> OpenOfInstance(Connection& connection, int64_t instance_id);
// Sets payloads from FAILED or CANCELLED to PENDING: begins a new attempt (Payload.attempt + 1)
// with a new run id, which task_ids[i] carries out.
absl::Status Retry(Connection& connection, const std::vector<int64_t>& ids,
                   const std::vector<int64_t>& task_ids);
// Gives the payloads to new tasks, with a new timeout unless that is 0. A run from before runs had
// ids gets one if it has not been started.
absl::Status SetTasks(Connection& connection, const std::vector<int64_t>& ids,
                      const std::vector<int64_t>& task_ids, int timeout);

}  // namespace payload_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_PAYLOAD_STORE_H_
