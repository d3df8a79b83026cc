#include "api_server/executor/dispatcher.h"

#include <optional>

#include "api_server/executor/claimer.h"
#include "api_server/executor/housekeeper.h"
#include "api_server/executor/provision_claimer.h"
#include "api_server/executor/task_ender.h"
#include "common/status_macros.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;

// The steps as they are in an api_server.
class DatabaseSteps : public DispatchSteps {
 public:
  DatabaseSteps(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
                const DispatcherOptions& options)
      : database_(*database),
        workers_(*workers),
        claimer_(database, workers, signals, options.claim, options.max_output_bytes),
        ender_(database, signals, options.max_output_bytes),
        rollouts_(database, signals, &ender_, options.deploy_check),
        provisions_(database, workers, &claimer_, signals, options.claim.lease_duration),
        housekeeper_(database, workers, signals, &claimer_, &ender_,
                     {.delivery_timeout = options.delivery_timeout,
                      .execution_grace = options.execution_grace,
                      .max_output_bytes = options.max_output_bytes}) {}

  absl::Status ClaimTasks() override { return claimer_.ClaimAll(); }
  absl::Status AdvanceRollouts() override { return rollouts_.Advance(); }
  absl::Status ClaimProvisions() override { return provisions_.Claim(); }
  absl::Status DoHousekeeping() override { return housekeeper_.DoJobs(); }
  absl::StatusOr<storage::lease_store::Ahead> LookAhead() override {
    storage::lease_store::Ahead ahead;
    RETURN_IF_ERROR(database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(ahead, storage::lease_store::LookAhead(connection));
      return absl::OkStatus();
    }));
    return ahead;
  }
  bool HasCredit() override { return workers_.HasCredit(); }

 private:
  storage::Database& database_;
  WorkerRegistry& workers_;
  Claimer claimer_;
  TaskEnder ender_;
  RolloutDriver rollouts_;
  ProvisionClaimer provisions_;
  Housekeeper housekeeper_;
};

}  // namespace

Dispatcher::Dispatcher(storage::Database* database, WorkerRegistry* workers,
                       domain::Signals* signals, const DispatcherOptions& options)
    : steps_(std::make_unique<DatabaseSteps>(database, workers, signals, options)),
      round_(steps_.get()),
      loop_("task executor", [this] { return round_.Do(); }) {}

}  // namespace longshore::executor
