// The task executor's loop: it decides when a round is due and carries one out.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_

#include <chrono>
#include <cstdint>
#include <memory>

#include "api_server/domain/signals.h"
#include "api_server/executor/dispatch_round.h"
#include "api_server/executor/rollout_driver.h"
#include "api_server/executor/round_loop.h"
#include "api_server/executor/worker_registry.h"
#include "common/policy.h"
#include "storage/database.h"
#include "storage/lease_store.h"

namespace longshore::executor {

struct DispatcherOptions {
  storage::ClaimOptions claim;
  int64_t max_output_bytes = policy::kMaxOutputBytes;  // What is stored of one output.
  // See HousekeeperOptions for both.
  std::chrono::seconds delivery_timeout = policy::kDeliveryTimeout;
  std::chrono::seconds execution_grace = policy::kExecutionGrace;
  DeployCheck deploy_check{};  // See RolloutDriver.
};

// Thread-safe. It has one thread, which sleeps until a signal, a worker's credit or the next due
// time.
class Dispatcher {
 public:
  // The arguments outlive the dispatcher.
  Dispatcher(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
             const DispatcherOptions& options);

  // Begins a round: there may be something to claim.
  void Wake() { loop_.Wake(); }
  // Begins a round if there may be something that no worker would take before.
  void CreditCame() {
    if (round_.wants_credit()) loop_.Wake();
  }
  // Returns how long the round under way has taken until now; zero between rounds.
  std::chrono::nanoseconds RoundTaken() const { return loop_.RoundTaken(); }
  // Waits for the round under way. No round begins after it.
  void Shutdown() { loop_.Shutdown(); }

 private:
  const std::unique_ptr<DispatchSteps> steps_;
  DispatchRound round_;
  RoundLoop loop_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_DISPATCHER_H_
