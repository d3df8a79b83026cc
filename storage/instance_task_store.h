// The tasks of instances that the api_servers carry out themselves: CREATE_INSTANCE and
// TERMINATE_INSTANCE. Insert, Postpone and End also serve PROVISION_INSTANCE tasks (see
// provision_store.h).
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

// A task under a new lease.
struct InstanceTask {
  int64_t id = 0;
  int64_t lease_epoch = 0;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  int64_t instance_id = 0;
  int failures = 0;                  // Failed tries in a row.
  std::chrono::milliseconds age{0};  // Since the task was inserted.
  bool overdue = false;              // Its time limit is over: it is not tried again.
};

struct NewInstanceTask {
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  int64_t instance_id = 0;
  int64_t depends_on = 0;  // The task that it waits for; 0: none.
  // How long it may be tried, counted from when it can begin; 0: for ever.
  std::chrono::seconds time_limit{0};
};

namespace instance_task_store {

// Inserts a task and returns its id.
absl::StatusOr<int64_t> Insert(Connection& connection, const NewInstanceTask& task);
// Returns the instance's task of that type that has not ended, or nullopt.
absl::StatusOr<std::optional<int64_t>> FindOpen(Connection& connection, v1::TaskType type,
                                                int64_t instance_id);
// Claims up to `limit` due tasks for `owner`, the name of an api_server.
absl::StatusOr<std::vector<InstanceTask>> Claim(Connection& connection, const std::string& owner,
                                                int limit,
                                                std::chrono::milliseconds lease_duration);
// Locks the task's row. Returns false when its lease is lost.
absl::StatusOr<bool> LockHeld(Connection& connection, const InstanceTask& task);
// Sets a task that the caller holds back to PENDING, to be due after `delay`. `failed` counts the
// try as a failed one; without it the count starts again at 0, because the task is making progress.
absl::Status Postpone(Connection& connection, int64_t id, std::chrono::milliseconds delay,
                      const std::string& error, bool failed);
// Ends a task that the caller holds, and releases or ends the tasks that depend on it.
absl::Status End(Connection& connection, int64_t id, v1::TaskStatus status,
                 const std::string& error = "");
// Cancels the other tasks of the task's instance, apart from those of payloads. Those that somebody
// holds are asked to stop instead; returns their ids.
absl::StatusOr<std::vector<int64_t>> CancelOthers(Connection& connection, const InstanceTask& task);
// Returns the time until the next task is due, which is negative when it is due already; nullopt
// when no task waits.
absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue(Connection& connection);

}  // namespace instance_task_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_INSTANCE_TASK_STORE_H_
