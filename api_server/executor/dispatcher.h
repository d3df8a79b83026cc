// The task executor's loop: lets rollouts go on, claims what is due, and looks after what has come
// to an end: expired leases, tasks that were not delivered in time, executions that their instances
// do not end, run directories left behind.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_

#include <chrono>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/claimer.h"
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
  // For messages, and for a delivery that a worker holds past its deadline.
  std::chrono::seconds execution_grace{60};
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
  using FindTasks =
      std::function<absl::StatusOr<std::vector<int64_t>>(storage::Connection& connection)>;
  using MakeEnd = std::function<storage::TaskEnd(const storage::LockedTask& task)>;

  // One round; returns how long there is nothing to do. A step that the database refuses because of
  // a row is logged, and the others are taken all the same.
  absl::StatusOr<std::chrono::milliseconds> Round();
  // Every second.
  absl::Status LookAfter();
  absl::Status ReapExpired();
  // Ends tasks whose deadline is over, and executions that their instances should have ended.
  absl::Status EndOverdue();
  // Lets through the tasks whose turn it is in their rollouts, and ends what stopped rollouts have
  // left.
  absl::Status AdvanceRollouts();
  // Ends all the tasks that `find` finds and locks, as `end` says, some at a time; one that the
  // database does not let end is left as it is. `find` gives them by ascending id.
  absl::Status EndTasks(const FindTasks& find, const MakeEnd& end);
  absl::StatusOr<int> EndSome(const FindTasks& find, const MakeEnd& end);
  // Instances to be provisioned, all of a round to one worker: it runs Ansible once for many.
  absl::Status SendProvisions();
  absl::Status FailOverdueProvisions();
  absl::Status SendCleanups();

  storage::Database& database_;
  WorkerRegistry& workers_;
  domain::Signals& signals_;
  const DispatcherOptions options_;
  Claimer claimer_;                                          // The loop's own.
  std::chrono::steady_clock::time_point next_look_after_{};  // The loop's own.
  RoundLoop loop_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_
