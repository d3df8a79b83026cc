// The tasks table: tasks come, wait, and end. Claims and leases are in lease_store.h.
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

namespace longshore::storage {

struct TaskFilter {
  v1::TaskStatus status = v1::TASK_STATUS_UNSPECIFIED;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  int64_t instance_id = 0;
};

// A task under one lease, and who says to hold it.
struct HeldLease {
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  std::string worker;
  auto operator<=>(const HeldLease&) const = default;
};

// The columns of `leases` as the parameters task_ids, lease_epochs and workers.
Params LeaseParams(const std::vector<HeldLease>& leases);

struct NewTasks {
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  std::chrono::seconds delivery_timeout = policy::kDeliveryTimeout;
  // One task for each index.
  std::vector<int64_t> ids;
  std::vector<int64_t> payload_ids;
  std::vector<int64_t> instance_ids;
  std::vector<std::string> remote_paths;
  std::vector<std::optional<int64_t>> depends_on;
};

// A task row under FOR UPDATE.
struct LockedTask {
  int64_t id = 0;
  v1::TaskType type = v1::TASK_TYPE_UNSPECIFIED;
  v1::TaskStatus status = v1::TASK_STATUS_UNSPECIFIED;
  int64_t lease_epoch = 0;
  std::string worker;  // Who holds it, or held it last.
  int64_t payload_id = 0;
  int64_t instance_id = 0;
  std::string remote_path;  // As it was asked for: may begin with "~/".
  int timeout = 0;          // Of its payload, in seconds.
  bool executes = false;    // It is to run the script, not only to deliver it.
  int failures = 0;
  bool cancel_requested = false;
  bool recall_requested = false;
  bool instance_terminating = false;
  bool maybe_started = false;  // See MayHaveStarted.
  v1::PayloadStatus payload_status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  std::string error;
};

// The script has been started, or may have been without anybody having been told
// (tasks.maybe_started): only its instance knows, so it is not ended as one that was not.
bool MayHaveStarted(const LockedTask& task);

// How one payload task ended, and its payload with it.
struct TaskEnd {
  int64_t task_id = 0;
  int64_t payload_id = 0;
  int64_t instance_id = 0;
  // TRANSFERRED (at rest), COMPLETED, FAILED or CANCELLED.
  v1::PayloadStatus status = v1::PAYLOAD_STATUS_UNSPECIFIED;
  v1::FailureReason failure_reason = v1::FAILURE_REASON_UNSPECIFIED;
  std::string error;
  bool executed = false;
  std::optional<int64_t> exit_code;
  std::optional<int64_t> execution_time_us;
  int64_t output_bytes = 0;
  bool output_missing = false;  // Something that was printed is not among what is stored.
  bool run_directory = false;   // A run directory is left on the instance: remember to clean it up.
};

namespace task_store {

absl::StatusOr<std::vector<int64_t>> AllocateIds(Connection& connection, int64_t count);
// A task of a payload comes after it, and takes its place in the rollout of its deployment.
absl::Status InsertBatch(Connection& connection, const NewTasks& tasks);
absl::StatusOr<std::optional<v1::Task>> Get(Connection& connection, int64_t id);
// By descending id; page.after is the last id of the page before.
absl::StatusOr<std::vector<v1::Task>> List(Connection& connection, const TaskFilter& filter,
                                           Page page);

// Locks the rows FOR UPDATE in id order; unknown ids are left out. Always before
// payload_store::GetMany's lock.
absl::StatusOr<std::vector<LockedTask>> Lock(Connection& connection,
                                             const std::vector<int64_t>& ids);
// The same for every task of the payloads, by id.
absl::StatusOr<std::vector<LockedTask>> LockForPayloads(Connection& connection,
                                                        const std::vector<int64_t>& payload_ids);
// Asks the holders, now or later, to stop the tasks.
absl::Status RequestCancel(Connection& connection, const std::vector<int64_t>& ids);

// Their holders gave the word to start and had no answer. To be said before Reschedule.
absl::Status MarkMaybeStarted(Connection& connection, const std::vector<int64_t>& ids);
// Back to PENDING after a failed try: not before now + delays[i], with errors[i]. In a rollout
// the place goes to another meanwhile.
absl::Status Reschedule(Connection& connection, const std::vector<int64_t>& ids,
                        const std::vector<std::chrono::milliseconds>& delays,
                        const std::vector<std::string>& errors);
// Back to PENDING at once: handed over. Leases that are another's by now are left alone.
absl::Status Release(Connection& connection, const std::vector<HeldLease>& leases);
// The scripts of these tasks run, and somebody follows them. From now on the deadlines count from
// the start of the script: deliver_by is for losing contact, its timeout and delivery_timeout
// later; end_by is for an instance that does not end it, its timeout and `grace` later; who
// reaches the instance again past the timeout has `grace` from then on to hear of the end, once.
absl::Status SetRunDeadlines(Connection& connection, const std::vector<int64_t>& ids,
                             std::chrono::seconds delivery_timeout, std::chrono::seconds grace);
// Their scripts have ended, and the output is still on its way: that may take until deliver_by.
absl::Status WaitForOutput(Connection& connection, const std::vector<int64_t>& ids);

// Lets what depends on the completed tasks begin and ends what depends on the others.
absl::Status TellDependents(Connection& connection, const std::vector<int64_t>& completed,
                            const std::vector<int64_t>& failed);

// Ends tasks and their payloads in one go, tells dependents, lets waiting tasks of the instances
// go on, and remembers what is left on them. The tasks must be locked and not terminal.
absl::Status End(Connection& connection, const std::vector<TaskEnd>& ends,
                 const OutputLimit& limit);

}  // namespace task_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_TASK_STORE_H_
