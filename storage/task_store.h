// The tasks table: how tasks are inserted, wait, and end. Claims and leases are in lease_store.h.
#ifndef LONGSHORE_STORAGE_TASK_STORE_H_
#define LONGSHORE_STORAGE_TASK_STORE_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/policy.h"
#include "longshore/v1/payload.pb.h"
#include "longshore/v1/task.pb.h"
#include "storage/connection.h"
#include "storage/output_store.h"
#include "storage/rows.h"
#include "storage/scope.h"

namespace longshore::storage {

// Which tasks to list. 0 or unspecified: any.
struct TaskFilter {
  v1::TaskStatus status = v1::TASK_STATUS_UNSPECIFIED;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  int64_t instance_id = 0;
};

// A task under one lease, and the worker that says it holds it.
struct HeldLease {
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  std::string worker;
  auto operator<=>(const HeldLease&) const = default;
};

// Returns `leases` as the parameters task_ids, lease_epochs and workers.
Params LeaseParams(const std::vector<HeldLease>& leases);

// Tasks of payloads to be inserted, all of one type.
struct NewTasks {
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  std::chrono::seconds delivery_timeout = policy::kDeliveryTimeout;
  // One task for each index.
  std::vector<int64_t> ids;
  std::vector<int64_t> payload_ids;
  std::vector<int64_t> instance_ids;
  std::vector<std::string> remote_paths;
  std::vector<std::optional<int64_t>> depends_on;
  std::string traceparent{};  // Of the request that makes them; empty without one.
};

// Returns `tasks` as the parameters of insert_tasks.sql.
Params NewTaskParams(const NewTasks& tasks);

// A task whose row is locked FOR UPDATE.
struct LockedTask {
  int64_t id = 0;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  v1::TaskStatus status = v1::TASK_STATUS_UNSPECIFIED;
  int64_t lease_epoch = 0;
  std::string worker;  // Who holds it or held it last.
  int64_t payload_id = 0;
  int64_t instance_id = 0;
  std::string project;      // Of its instance.
  std::string remote_path;  // As requested: may begin with "~/".
  int timeout = 0;          // Of its payload, in seconds.
  bool executes = false;    // It runs the script, and does not only deliver it.
  int failures = 0;         // Failed tries since the script last ran.
  bool cancel_requested = false;
  bool recall_requested = false;
  bool instance_terminating = false;
  bool maybe_started = false;  // See MayHaveStarted.
  v1::PayloadStatus payload_status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  std::string error;
};

// Returns true when the script has been started, or may have been started without anybody having
// been told (tasks.maybe_started). Then only the instance knows, so the task must not be ended like
// one whose script was not started.
bool MayHaveStarted(const LockedTask& task);

// How a payload's task ends, and the payload with it.
struct TaskEnd {
  int64_t task_id = 0;
  int64_t payload_id = 0;
  int64_t instance_id = 0;
  // TRANSFERRED (the payload stays open), COMPLETED, FAILED or CANCELLED.
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  v1::FailureReason failure_reason = v1::FAILURE_REASON_UNSPECIFIED;
  std::string error;
  bool executed = false;
  std::optional<int64_t> exit_code;
  std::optional<int64_t> execution_time_us;
  int64_t output_bytes = 0;
  bool output_missing = false;  // Something that was printed is missing from what is stored.
  // A run directory is left on the instance and has to be cleaned up.
  bool run_directory = false;
};

// Somebody has asked that the holder of a task stops it.
struct StopRequest {
  int64_t task_id = 0;
  bool unless_started = false;  // Only if its script has not been started.
};

// A payload whose script runs.
struct StartedRun {
  int64_t payload_id = 0;
  std::string remote_path;  // Where the script is, if that has just become known.
};

// Tasks of one type that have not ended.
struct OpenTasks {
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  v1::TaskStatus status = v1::TASK_STATUS_UNSPECIFIED;
  int64_t tasks = 0;
  int64_t overdue_seconds = 0;  // How long the longest due of them has waited.
};

namespace task_store {

// Counts the tasks of all projects that have not ended.
absl::StatusOr<std::vector<OpenTasks>> CountOpen(Connection& connection);

// Returns new ids for `count` tasks, which InsertBatch then inserts.
absl::StatusOr<std::vector<int64_t>> AllocateIds(Connection& connection, int64_t count);
// Inserts tasks of payloads, which must be in the database already, and begins or resumes the
// rollouts of their deployments.
absl::Status InsertBatch(Connection& connection, const NewTasks& tasks);
// Returns the task, or nullopt when there is none.
absl::StatusOr<std::optional<v1::Task>> Get(Connection& connection, const Scope& scope, int64_t id);
// Lists tasks by descending id; page.after is the last id of the previous page.
absl::StatusOr<std::vector<v1::Task>> List(Connection& connection, const Scope& scope,
                                           const TaskFilter& filter, Page page);

// Locks the tasks FOR UPDATE in the order of their ids and returns those that exist. Lock tasks
// before payloads (payload_store::GetMany), so that no two transactions wait for each other.
absl::StatusOr<std::vector<LockedTask>> Lock(Connection& connection,
                                             const std::vector<int64_t>& ids);
// Does the same for every task of these payloads.
absl::StatusOr<std::vector<LockedTask>> LockForPayloads(Connection& connection, const Scope& scope,
                                                        const std::vector<int64_t>& payload_ids);
// Asks whoever holds the tasks, now or later, to stop them.
absl::Status RequestCancel(Connection& connection, const std::vector<int64_t>& ids);
// Returns those of the tasks that their holders are to stop.
absl::StatusOr<std::vector<StopRequest>> FindStopRequests(Connection& connection,
                                                          const std::vector<int64_t>& ids);

// Notes that the holders told the instances to start the scripts and had no answer. Call it before
// Reschedule.
absl::Status MarkMaybeStarted(Connection& connection, const std::vector<int64_t>& ids);
// Sets tasks back to PENDING after a failed try: due not before now + delays[i], with errors[i]. In
// a rollout a task leaves its place to another meanwhile, unless its script may have been started.
absl::Status Reschedule(Connection& connection, const std::vector<int64_t>& ids,
                        const std::vector<std::chrono::milliseconds>& delays,
                        const std::vector<std::string>& errors);
// Sets tasks that are handed over back to PENDING, due at once. Leases that somebody else holds by
// now are left alone.
absl::Status Release(Connection& connection, const std::vector<HeldLease>& leases);
// Sets payloads from PENDING or TRANSFERRED to EXECUTING, and the deadlines of `task_ids`, those of
// their tasks whose scripts have not ended. Both deadlines count from the start of the script. When
// contact is lost, deliver_by ends the task `delivery_timeout` after the script's timeout. When the
// instance does not end the script, end_by ends it `grace` after the timeout. Whoever reaches the
// instance after that timeout has `grace` from then on to hear of the end, once.
absl::Status StartRuns(Connection& connection, const std::vector<StartedRun>& runs,
                       const std::vector<int64_t>& task_ids, std::chrono::seconds delivery_timeout,
                       std::chrono::seconds grace);
// Gives tasks whose scripts have ended until deliver_by for the rest of the output.
absl::Status WaitForOutput(Connection& connection, const std::vector<int64_t>& ids);

// Ends tasks and their payloads. Also cuts their outputs, stops rollouts at max_errors, lets
// dependent and parked tasks go on, and remembers what is left on the instances for cleanup. The
// tasks must be locked and not terminal. It takes the capacity lock. Sets *freed when something may
// be due now that was not before; otherwise leaves it as it is.
absl::Status End(Connection& connection, const std::vector<TaskEnd>& ends, const OutputLimit& limit,
                 bool* freed = nullptr);

}  // namespace task_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_TASK_STORE_H_
