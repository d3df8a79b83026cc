// Tasks of instances: those that no worker takes but the api_servers themselves.
#ifndef LONGSHORE_STORAGE_INSTANCE_TASK_STORE_H_
#define LONGSHORE_STORAGE_INSTANCE_TASK_STORE_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "longshore/v1/task.pb.h"
#include "storage/connection.h"

namespace longshore::storage {

struct InstanceTask {
  int64_t id = 0;
  int64_t lease_epoch = 0;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  int64_t instance_id = 0;
  int failures = 0;                  // Failed tries in a row.
  std::chrono::milliseconds age{0};  // Since it was asked for.
  bool overdue = false;              // Its time limit is over: no further try.
};

struct NewInstanceTask {
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  int64_t instance_id = 0;
  int64_t depends_on = 0;  // Another task; 0: none.
  // From when it can begin; 0 when it is tried for ever.
  std::chrono::seconds time_limit{0};
};

namespace instance_task_store {

absl::StatusOr<int64_t> Insert(Connection& connection, const NewInstanceTask& task);
// The instance's task of that type that has not ended, if there is one.
absl::StatusOr<std::optional<int64_t>> FindOpen(Connection& connection, v1::TaskType type,
                                                int64_t instance_id);
// Claims up to `limit` due ones for `owner`.
absl::StatusOr<std::vector<InstanceTask>> Claim(Connection& connection, const std::string& owner,
                                                int limit,
                                                std::chrono::milliseconds lease_duration);
// Locks the task; false when its lease is lost.
absl::StatusOr<bool> LockHeld(Connection& connection, const InstanceTask& task);
// Back to PENDING under a lease that is held: under way, or, when `failed`, to be tried again.
absl::Status Postpone(Connection& connection, int64_t id, std::chrono::milliseconds delay,
                      const std::string& error, bool failed);
// Ends it under a lease that is held, and tells those that depend on it.
absl::Status End(Connection& connection, int64_t id, v1::TaskStatus status,
                 const std::string& error = "");
// Cancels the instance's other tasks of this kind, and asks those who hold one to stop: returns
// these.
absl::StatusOr<std::vector<int64_t>> CancelOthers(Connection& connection, const InstanceTask& task);
// Time until the next one is due; nullopt when there is none.
absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue(Connection& connection);

}  // namespace instance_task_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_INSTANCE_TASK_STORE_H_
