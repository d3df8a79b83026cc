// Claims and leases: which worker holds which task, and until when. All times are by the database's
// clock.
#ifndef LONGSHORE_STORAGE_LEASE_STORE_H_
#define LONGSHORE_STORAGE_LEASE_STORE_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/policy.h"
#include "storage/claims.h"
#include "storage/connection.h"
#include "storage/reach.h"
#include "storage/task_store.h"

namespace longshore::storage {

struct ClaimOptions {
  std::chrono::milliseconds lease_duration = policy::kLeaseDuration;
  int max_running_per_instance = policy::kMaxRunningPerInstance;
  // How long a task waits before it is claimed again when its instance is not READY.
  std::chrono::milliseconds readiness_delay{5000};
};

// The due tasks of one deployment in one pool. `due` is their number, or how many of them to claim.
struct DueFlow {
  std::string project;
  int64_t deployment_id = 0;
  int due = 0;
  std::string pool{};
};

// A run directory that `worker` says it has removed: after the run of the task that it held under
// lease_epoch or, with task_id 0, in a cleanup, of which lease_epoch is the try_number.
struct CleanedRun {
  int64_t payload_id = 0;
  int64_t attempt = 0;  // Payload.attempt, not Task.attempt.
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  std::string worker;
};

// What became of the due tasks. Those in neither list were parked or postponed.
struct ClaimResult {
  std::vector<PayloadClaim> claims;
  std::vector<RefusedTask> refused;
  int examined = 0;  // How many due tasks were looked at.
};

namespace lease_store {

// Returns the deployments that have due tasks of payloads in the pool, each with their number,
// which is counted up to `most_counted` and without the tasks `set_aside`. Of a project with very
// many deployments it returns the oldest and the newest only.
absl::StatusOr<std::vector<DueFlow>> FindDueFlows(Connection& connection, const std::string& pool,
                                                  int most_counted,
                                                  const std::vector<int64_t>& set_aside);
// Returns the ids of the tasks that ClaimDue would look at.
absl::StatusOr<std::vector<int64_t>> FindDue(Connection& connection,
                                             const std::vector<DueFlow>& flows,
                                             const std::vector<int64_t>& set_aside);

// Claims the longest due tasks of each flow, as many as flow.due says. The first task goes to the
// first element of `workers`, and so on; no more are claimed than there are elements. A task that
// has to wait for its remote_path or for a place on its instance is parked, and one whose instance
// is not READY is postponed. It takes the capacity lock. For Database::TransactAtOnce, or as a part
// of a transaction.
absl::StatusOr<ClaimResult> ClaimDue(Connection& connection, const std::vector<DueFlow>& flows,
                                     const std::vector<int64_t>& set_aside,
                                     const std::vector<std::string>& workers,
                                     const ClaimOptions& options);
// Does the same for those of `task_ids` that are due.
absl::StatusOr<ClaimResult> ClaimTasks(Connection& connection, const std::vector<int64_t>& task_ids,
                                       const std::vector<std::string>& workers,
                                       const ClaimOptions& options);

// A lease that was renewed, and what its holder is asked to do.
struct Renewal {
  HeldLease lease;
  bool cancel_requested;
  bool recall_requested;
};
// Renews the leases that their workers still hold and that are of no group. The others are missing
// from the result.
absl::StatusOr<std::vector<Renewal>> Renew(Connection& connection,
                                           const std::vector<HeldLease>& leases,
                                           std::chrono::milliseconds lease_duration);

// Has the database end the transaction, and the connection, if the caller leaves it idle for
// longer. For what locks leases across statements: whoever else is to renew them waits for it.
absl::Status LimitIdle(Connection& connection, std::chrono::milliseconds limit);

// Renews the leases that their workers still hold, of a group or not; they leave the group. The
// others are missing from the result. Call it in a transaction.
absl::StatusOr<std::vector<Renewal>> RenewGrouped(Connection& connection,
                                                  const std::vector<HeldLease>& leases,
                                                  std::chrono::milliseconds lease_duration);
// A group of leases that are renewed together, as its worker knows it: how many of its tasks it
// holds, and the sums of their ids and epochs, which say which.
struct LeaseGroup {
  int64_t id = 0;
  std::string worker;
  int64_t tasks = 0;
  int64_t task_id_sum = 0;
  int64_t lease_epoch_sum = 0;
};
// Renews the leases, all of one worker, that it still holds, and makes them a group; they leave the
// groups that they were of. Missing from the result are those that it does not hold, and those
// whose rows are locked just now. Call it in a transaction.
struct NewLeaseGroup {
  int64_t id = 0;  // 0: there is none.
  std::vector<Renewal> renewals;
};
absl::StatusOr<NewLeaseGroup> MakeGroup(Connection& connection,
                                        const std::vector<HeldLease>& leases,
                                        std::chrono::milliseconds lease_duration);
// A group that was renewed, and which of its tasks its holder is asked to stop, and which to stop
// unless they have been started.
struct GroupRenewal {
  int64_t id;
  std::string worker;
  std::vector<int64_t> cancel_task_ids;
  std::vector<int64_t> recall_task_ids;
};
// Renews the groups that are just what their workers know. The others are missing from the result:
// they have ended, or a task is not in them any more.
absl::StatusOr<std::vector<GroupRenewal>> RenewGroups(Connection& connection,
                                                      const std::vector<LeaseGroup>& groups,
                                                      std::chrono::milliseconds lease_duration);
// Ends the groups whose time is over and that nobody has locked: their leases have run out, which
// FindExpired tells from then on. One statement, so that it needs no transaction.
absl::Status EndGroups(Connection& connection);
// Deletes the groups that have ended and have no tasks any more.
absl::Status DeleteGroups(Connection& connection);

// Puts those of `task_ids` whose leases have run out back to PENDING. Returns how many. Call it in
// a transaction.
absl::StatusOr<int64_t> ReapExpired(Connection& connection, const std::vector<int64_t>& task_ids);
// Locks and returns up to `limit` tasks that were not delivered in time: PENDING tasks whose
// deliver_by is over, and held ones for which it has been over for `grace` without a word that the
// script runs.
absl::StatusOr<std::vector<int64_t>> FindUndelivered(Connection& connection, int limit,
                                                     std::chrono::seconds grace);
// Locks and returns up to `limit` held tasks whose end_by is over: their instances should have
// ended the script.
absl::StatusOr<std::vector<int64_t>> FindOverrun(Connection& connection, int limit);
// Returns up to `limit` tasks whose own leases have run out, and up to `limit` whose groups have
// ended.
absl::StatusOr<std::vector<int64_t>> FindExpired(Connection& connection, int limit);
// Wakes parked tasks of instances where nothing runs. Usually task_store::End wakes them; this
// catches what it missed. Call it in a transaction: it takes the capacity lock.
absl::Status WakeStranded(Connection& connection);
// What there is to do for who deals with tasks.
struct Ahead {
  // Until the next task, lease, deadline or cleanup becomes due, which is negative when one is due
  // already; nullopt when there is nothing.
  std::optional<std::chrono::milliseconds> next_due;
  bool provisions = false;  // An instance is to be provisioned now.
  bool rollouts = false;    // A rollout is under way.
  // A lease, a deadline or a cleanup is due now, or a task may have been left waiting for a place.
  bool overdue = false;
};
absl::StatusOr<Ahead> LookAhead(Connection& connection);

// Claims run directories that are due for removal, the first for the first element of `workers`,
// and so on. It also forgets those of instances that are TERMINATED, and those that could not be
// removed for a week.
absl::StatusOr<std::vector<CleanupClaim>> ClaimCleanups(Connection& connection, const Reach& reach,
                                                        const std::vector<std::string>& workers);
// Forgets the run directories that were removed, if the worker that says so held the task or was
// asked to remove the directory.
absl::Status DeleteCleanups(Connection& connection, const std::vector<CleanedRun>& cleaned);
// Returns the statement of that, for Connection::ExecuteTogether.
Statement DeleteCleanupsStatement(const std::vector<CleanedRun>& cleaned);

}  // namespace lease_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_LEASE_STORE_H_
