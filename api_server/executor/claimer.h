// Claims due tasks of payloads for the connected workers and sends them. Projects, and within a
// project its deployments, take turns. A row that cannot be claimed does not hold up the others.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_CLAIMER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_CLAIMER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/assignment.h"
#include "api_server/executor/fair_share.h"
#include "api_server/executor/worker_registry.h"
#include "storage/database.h"
#include "storage/lease_store.h"

namespace longshore::executor {

// Not thread-safe: only the dispatcher's thread uses it.
class Claimer {
 public:
  Claimer(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
          storage::ClaimOptions options, int64_t max_output_bytes);

  // Claims and sends tasks until nothing is due or no worker has credit. Errors: those of a
  // database that is away.
  absl::Status ClaimAll();

  // Calls `claim` in a transaction, sends each claim to a slot of its worker, and gives back the
  // credit of the other slots. Sets `unsent` to the leases of workers that have left meanwhile.
  absl::Status SendAll(
      const std::vector<WorkerRegistry::Slot>& slots,
      const std::function<absl::StatusOr<std::vector<AddressedAssignment>>(storage::Connection&)>&
          claim,
      std::vector<storage::HeldLease>* unsent);

 private:
  using Slots = std::vector<WorkerRegistry::Slot>;

  // Claims for the workers that have exactly this reach. Returns true when there may be more to
  // claim at once.
  absl::StatusOr<bool> ClaimOnce(const storage::Reach& reach);
  absl::StatusOr<std::vector<storage::DueFlow>> Turns(int slots, const storage::Reach& reach);
  // Calls `claim` in a transaction, which also ends the tasks that it refuses.
  absl::StatusOr<storage::ClaimResult> Claim(
      const std::function<absl::StatusOr<storage::ClaimResult>(storage::Connection&)>& claim);
  // Claims in one round trip. Sets `refused` to the tasks that are to be ended instead.
  absl::StatusOr<storage::ClaimResult> ClaimTurns(const std::vector<storage::DueFlow>& turns,
                                                  const std::vector<std::string>& workers,
                                                  std::vector<int64_t>* refused);
  absl::Status ClaimRefused(const std::vector<int64_t>& ids, const storage::Reach& reach);
  // Claims tasks or ends those that are refused, together or, if the database refuses a row, in
  // smaller parts, down to single tasks; ends those that cannot be claimed.
  absl::StatusOr<storage::ClaimResult> ClaimOrEnd(const std::vector<int64_t>& ids,
                                                  const std::vector<std::string>& workers);
  // Sends what was claimed and tells of what has ended, or gives back all credit after an error,
  // which it returns.
  absl::Status Finish(const Slots& slots, const absl::StatusOr<storage::ClaimResult>& claimed);
  absl::Status EndUnclaimable(int64_t task_id, const std::string& reason);
  std::vector<int64_t> SetAside();
  // Sends each claim to a slot of its worker, gives back the other slots' credit, and releases the
  // claims that could not be sent.
  absl::Status Send(const Slots& slots, const std::vector<AddressedAssignment>& assignments);
  // Does the same, but returns the leases that could not be sent instead of releasing them.
  std::vector<storage::HeldLease> SendEach(const Slots& slots,
                                           const std::vector<AddressedAssignment>& assignments);
  void ReturnCredit(const Slots& slots);

  storage::Database& database_;
  WorkerRegistry& workers_;
  domain::Signals& signals_;
  const storage::ClaimOptions options_;
  const int64_t max_output_bytes_;
  FairShare fair_share_;
  // Tasks that can neither be claimed nor ended, each with the time of its next try.
  std::map<int64_t, std::chrono::steady_clock::time_point> set_aside_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_CLAIMER_H_
