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

namespace longshore::storage {

// A payload with the columns that are not part of the public message.
struct StoredPayload {
  v1::Payload payload;
  bool execute_payload = false;  // The transfer goes on to run the script.
};

// 0, empty or unspecified: any.
struct PayloadFilter {
  int64_t deployment_id = 0;
  int64_t instance_id = 0;
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  v1::FailureReason failure_reason = v1::FAILURE_REASON_UNSPECIFIED;
};

namespace payload_store {

// Ids for `count` payloads to be inserted with InsertBatch.
absl::StatusOr<std::vector<int64_t>> AllocateIds(Connection& connection, int64_t count);
// One row for each index: ids[i] for instance_ids[i] at remote_paths[i], moved by task_ids[i].
// Each gets the id of its run.
absl::Status InsertBatch(Connection& connection, int64_t deployment_id,
                         const NewDeployment& deployment, const std::vector<int64_t>& ids,
                         const std::vector<int64_t>& instance_ids,
                         const std::vector<std::string>& remote_paths,
                         const std::vector<int64_t>& task_ids);

// Without output.
absl::StatusOr<std::optional<StoredPayload>> Get(Connection& connection, int64_t id);
// The rows that exist, by ascending id. `lock` takes them FOR UPDATE; lock their tasks first
// (task_store::Lock).
absl::StatusOr<std::vector<StoredPayload>> GetMany(Connection& connection,
                                                   const std::vector<int64_t>& ids, bool lock);
// When each of the payloads that exist was changed last, in microseconds since the epoch, by id.
absl::StatusOr<std::map<int64_t, int64_t>> UpdateTimes(Connection& connection,
                                                       const std::vector<int64_t>& ids);
// By descending id, without output; page.after is the last id of the page before.
absl::StatusOr<std::vector<v1::Payload>> List(Connection& connection, const PayloadFilter& filter,
                                              Page page);

// PENDING -> TRANSFERRED for ids[i]; remembers remote_paths[i] and the home that it tells of.
absl::Status MarkTransferred(Connection& connection, const std::vector<int64_t>& ids,
                             const std::vector<std::string>& remote_paths);
// PENDING or TRANSFERRED -> EXECUTING.
absl::Status MarkExecuting(Connection& connection, const std::vector<int64_t>& ids);
// The payloads of a deployment that have one of the statuses, by id.
absl::StatusOr<std::vector<int64_t>> IdsOfDeployment(
    Connection& connection, int64_t deployment_id, const std::vector<v1::PayloadStatus>& statuses);
// The payloads of an instance that are not terminal, by id.
absl::StatusOr<std::vector<int64_t>> OpenOfInstance(Connection& connection, int64_t instance_id);
// FAILED or CANCELLED -> PENDING: a new attempt with a new run, moved by task_ids[i].
absl::Status Retry(Connection& connection, const std::vector<int64_t>& ids,
                   const std::vector<int64_t>& task_ids);
// Hands the payloads to new tasks, with a new timeout where it is not 0. A run that has no id yet
// gets one: it has not been started.
absl::Status SetTasks(Connection& connection, const std::vector<int64_t>& ids,
                      const std::vector<int64_t>& task_ids, int timeout);

}  // namespace payload_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_PAYLOAD_STORE_H_
