// Claims and leases: which worker holds which task, and until when. By the database's clock alone.
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
#include "storage/task_store.h"

namespace longshore::storage {

struct ClaimOptions {
  std::chrono::milliseconds lease_duration = policy::kLeaseDuration;
  int max_running_per_instance = policy::kMaxRunningPerInstance;
  // How long a task waits before it looks again whether its instance is READY.
  std::chrono::milliseconds readiness_delay{5000};
};

// Tasks of one deployment that are due.
struct DueFlow {
  std::string project;
  int64_t deployment_id = 0;
  int due = 0;
};

// A run directory that `worker` says is gone: of the task that it held under lease_epoch, or, with
// task_id 0, of the cleanup whose try lease_epoch is the number of.
struct CleanedRun {
  int64_t payload_id = 0;
  int64_t attempt = 0;
  int64_t task_id = 0;
  int64_t lease_epoch = 0;
  std::string worker;
};

struct ClaimResult {
  std::vector<PayloadClaim> claims;
  std::vector<RefusedTask> refused;
  int examined = 0;  // Due tasks looked at.
};

namespace lease_store {

// The deployments that have tasks of payloads due, with how many each, counted to
// `most_counted`; apart from `set_aside`. The oldest and the newest of a project when it has very
// many.
absl::StatusOr<std::vector<DueFlow>> FindDueFlows(Connection& connection, int most_counted,
                                                  const std::vector<int64_t>& set_aside);
// The longest due tasks of each flow, as many as it says.
absl::StatusOr<std::vector<int64_t>> FindDue(Connection& connection,
                                             const std::vector<DueFlow>& flows,
                                             const std::vector<int64_t>& set_aside);

// Claims the longest due tasks of each flow, as many as it says, at most one for each element of
// `workers`, which names who gets it. Parks those that have to wait for their remote_path or a
// place on the instance and postpones those whose instance is not READY. In a transaction.
absl::StatusOr<ClaimResult> ClaimDue(Connection& connection, const std::vector<DueFlow>& flows,
                                     const std::vector<int64_t>& set_aside,
                                     const std::vector<std::string>& workers,
                                     const ClaimOptions& options);
// The same for those of the tasks that are due.
absl::StatusOr<ClaimResult> ClaimTasks(Connection& connection, const std::vector<int64_t>& task_ids,
                                       const std::vector<std::string>& workers,
                                       const ClaimOptions& options);

struct Renewal {
  HeldLease lease;
  bool cancel_requested;
  bool recall_requested;
};
// Renews those leases that their workers still hold; the others are missing in the answer.
absl::StatusOr<std::vector<Renewal>> Renew(Connection& connection,
                                           const std::vector<HeldLease>& leases,
                                           std::chrono::milliseconds lease_duration);

// Puts those of the tasks whose lease ran out back to PENDING; returns how many.
absl::StatusOr<int64_t> ReapExpired(Connection& connection, const std::vector<int64_t>& task_ids);
// Locks up to `limit` tasks whose deliver_by is over, or, while somebody holds them and has not
// said that the script runs, has been over for `grace`.
absl::StatusOr<std::vector<int64_t>> FindUndelivered(Connection& connection, int limit,
                                                     std::chrono::seconds grace);
// Locks up to `limit` tasks that are held and whose end_by is over.
absl::StatusOr<std::vector<int64_t>> FindOverrun(Connection& connection, int limit);
// Tasks whose lease ran out.
absl::StatusOr<std::vector<int64_t>> FindExpired(Connection& connection, int limit);
// Wakes waiting tasks of instances where nothing runs: a net under task_store::End.
absl::Status WakeStranded(Connection& connection);
// Time until the next thing to do becomes due (a task, a lease, a cleanup); nullopt when there is
// nothing.
absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue(Connection& connection);

// Claims run directories that are due for removal, at most one for each element of `workers`,
// which names who is asked to remove it.
absl::StatusOr<std::vector<CleanupClaim>> ClaimCleanups(Connection& connection,
                                                        const std::vector<std::string>& workers);
// Forgets those that are gone, where the one who says so was asked to remove it.
absl::Status DeleteCleanups(Connection& connection, const std::vector<CleanedRun>& cleaned);

}  // namespace lease_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_LEASE_STORE_H_
