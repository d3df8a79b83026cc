// The task executor's loop: claims due tasks for the connected workers, and keeps the house:
// expired leases, tasks that were not delivered in time, run directories left behind.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_

#include <chrono>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/round_loop.h"
#include "api_server/executor/worker_registry.h"
#include "storage/database.h"
#include "storage/lease_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

struct DispatcherOptions {
  storage::ClaimOptions claim;
  std::chrono::seconds delivery_timeout{
      3600};  // For messages only; tasks carry their own deadline.
};

// Thread-safe; one thread of its own, which sleeps until a signal, a worker's credit or the next
// due time.
class Dispatcher {
 public:
  Dispatcher(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
             DispatcherOptions options);

  // There may be something to claim, or somebody to give it to.
  void Wake() { loop_.Wake(); }
  void Shutdown() { loop_.Shutdown(); }

 private:
  // One round; returns how long there is nothing to do.
  absl::StatusOr<std::chrono::milliseconds> Round();
  absl::Status KeepHouse();
  // Ends tasks whose deadline is over. Returns how many.
  absl::StatusOr<int> ExpireUndelivered();
  // Lets through the tasks whose turn it is in their rollouts, and ends what stopped rollouts have
  // left.
  absl::Status AdvanceRollouts();
  absl::StatusOr<int> CancelStopped();
  // Ends the tasks found, each as `end` says. Returns how many.
  absl::StatusOr<int> EndTasks(
      const std::function<absl::StatusOr<std::vector<int64_t>>(storage::Connection&)>& find,
      const std::function<storage::TaskEnd(const storage::LockedTask&)>& end);
  // True when there may be more to claim at once.
  absl::StatusOr<bool> ClaimAndSend();
  // Claims what goes to `slots`, one each, and sends it; gives back the credit that is left, and
  // the tasks that a worker which left meanwhile did not get.
  absl::Status SendAll(
      const std::vector<WorkerRegistry::Slot>& slots,
      const std::function<absl::StatusOr<std::vector<v1::Assignment>>(storage::Connection&)>& claim,
      std::vector<int64_t>* unsent);
  // Instances to be provisioned, all of a round to one worker: it runs Ansible once for many.
  absl::Status SendProvisions();
  absl::Status FailOverdueProvisions();
  absl::Status SendCleanups();
  void ReturnCredit(const std::vector<WorkerRegistry::Slot>& slots);

  storage::Database& database_;
  WorkerRegistry& workers_;
  domain::Signals& signals_;
  const DispatcherOptions options_;
  std::chrono::steady_clock::time_point next_housekeeping_{};  // The loop's own.
  RoundLoop loop_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_
