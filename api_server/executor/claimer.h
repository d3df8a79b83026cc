// Claims due tasks of payloads for the connected workers, in turn between projects and deployments,
// and sends them. A row that cannot be claimed is set aside; the others go on.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_CLAIMER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_CLAIMER_H_

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/fair_share.h"
#include "api_server/executor/worker_registry.h"
#include "storage/database.h"
#include "storage/lease_store.h"

namespace longshore::executor {

// Not thread-safe: belongs to the dispatcher's thread.
class Claimer {
 public:
  Claimer(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
          storage::ClaimOptions options);

  // Claims and sends until nothing is due any more or nobody has room. Errors: those of a database
  // that is away.
  absl::Status ClaimAll();

  // Claims what goes to `slots`, at most one each, and sends it; gives back the credit that is
  // left. Sets `unsent` to the leases that a worker which left meanwhile did not get.
  absl::Status SendAll(
      const std::vector<WorkerRegistry::Slot>& slots,
      const std::function<absl::StatusOr<std::vector<storage::Claim>>(storage::Connection&)>& claim,
      std::vector<storage::HeldLease>* unsent);

 private:
  using Slots = std::vector<WorkerRegistry::Slot>;

  // True when there may be more to claim at once.
  absl::StatusOr<bool> ClaimOnce();
  absl::StatusOr<std::vector<storage::DueFlow>> Turns(int slots);
  // Claims by `claim` for the workers of `slots`, in a transaction.
  absl::StatusOr<storage::ClaimResult> Claim(
      const std::function<absl::StatusOr<storage::ClaimResult>(storage::Connection&)>& claim);
  // For a batch that the database refuses: claims its tasks one by one, and ends those that cannot
  // be claimed.
  absl::StatusOr<storage::ClaimResult> ClaimIsolated(const std::vector<storage::DueFlow>& turns,
                                                     const std::vector<std::string>& workers);
  absl::Status EndUnclaimable(int64_t task_id, const std::string& reason);
  std::vector<int64_t> SetAside();
  // Sends claims to the slots of their workers, returns the other slots' credit, and releases what
  // could not be sent.
  absl::Status Send(const Slots& slots, const std::vector<storage::Claim>& claims);
  // The same without the release: returns the leases that could not be sent.
  std::vector<storage::HeldLease> SendEach(const Slots& slots,
                                           const std::vector<storage::Claim>& claims);
  void ReturnCredit(const Slots& slots);

  storage::Database& database_;
  WorkerRegistry& workers_;
  domain::Signals& signals_;
  const storage::ClaimOptions options_;
  FairShare fair_share_;
  // Tasks that can neither be claimed nor ended, until they are looked at again.
  std::map<int64_t, std::chrono::steady_clock::time_point> set_aside_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_CLAIMER_H_
