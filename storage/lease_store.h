// Claims and leases: which worker holds which task, and until when. By the database's clock alone.
#ifndef LONGSHORE_STORAGE_LEASE_STORE_H_
#define LONGSHORE_STORAGE_LEASE_STORE_H_

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/longshore/v1/worker_service.pb.h"
#include "storage/connection.h"
#include "storage/task_store.h"

namespace longshore::storage {

struct ClaimOptions {
  std::chrono::milliseconds lease_duration{10000};
  int max_running_per_instance = 8;
  // How long a task waits before it looks again whether its instance is READY.
  std::chrono::milliseconds readiness_delay{5000};
  int64_t max_output_bytes = 0;
};

struct Claim {
  std::string worker;
  v1::Assignment assignment;
};

struct ClaimResult {
  std::vector<Claim> claims;
  // Due tasks looked at; fewer than asked for means that nothing more is due.
  int examined = 0;
  // Tasks whose instance will never take them, with their end still to be written (TaskStore::End).
  std::vector<TaskEnd> refused;
};

class LeaseStore {
 public:
  // Claims due tasks, at most one for each element of `workers`, which names who gets it. Parks
  // those that have to wait for their remote_path or a place on the instance and postpones those
  // whose instance is not READY. In a transaction.
  static absl::StatusOr<ClaimResult> ClaimDue(Connection& connection,
                                              const std::vector<std::string>& workers,
                                              const ClaimOptions& options);

  struct Renewal {
    int64_t task_id;
    int64_t lease_epoch;
    bool cancel_requested;
    bool recall_requested;
  };
  // Renews the leases that are still held under the given epochs; the others are missing in the
  // answer.
  static absl::StatusOr<std::vector<Renewal>> Renew(Connection& connection,
                                                    const std::vector<int64_t>& task_ids,
                                                    const std::vector<int64_t>& lease_epochs,
                                                    std::chrono::milliseconds lease_duration);

  // Puts tasks whose lease ran out back to PENDING; returns how many.
  static absl::StatusOr<int64_t> ReapExpired(Connection& connection);
  // Locks up to `limit` tasks whose deliver_by is over.
  static absl::StatusOr<std::vector<int64_t>> FindUndelivered(Connection& connection, int limit);
  // Wakes waiting tasks of instances where nothing runs: a net under TaskStore::End.
  static absl::Status WakeStranded(Connection& connection);
  // Time until the next thing to do becomes due (a task, a lease, a cleanup); nullopt when there is
  // nothing.
  static absl::StatusOr<std::optional<std::chrono::milliseconds>> NextDue(Connection& connection);

  // Claims up to `limit` run directories that are due for removal, as cleanup assignments.
  static absl::StatusOr<std::vector<v1::Assignment>> ClaimCleanups(Connection& connection,
                                                                   int limit);
  static absl::Status DeleteCleanups(Connection& connection,
                                     const std::vector<int64_t>& payload_ids,
                                     const std::vector<int64_t>& attempts);
};

// The workers table.
class WorkerStore {
 public:
  static absl::Status Upsert(Connection& connection, const v1::WorkerHello& hello);
  // Of every worker that was ever seen, each once.
  static absl::StatusOr<std::vector<std::string>> PublicKeys(Connection& connection);
};

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_LEASE_STORE_H_
