#include "api_server/executor/dispatcher.h"

#include <optional>
#include <string>
#include <vector>

#include "api_server/executor/claimer.h"
#include "api_server/executor/housekeeper.h"
#include "api_server/executor/provision_claimer.h"
#include "api_server/executor/task_ender.h"
#include "common/status_macros.h"
#include "storage/statistics.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStatisticsPeriod{1000};

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

  absl::Status ClaimTasks() override {
    RETURN_IF_ERROR(GatherStatistics());
    return claimer_.ClaimAll();
  }
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
  absl::Status GatherStatistics() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_statistics_) return absl::OkStatus();
    next_statistics_ = now + kStatisticsPeriod;
    std::vector<std::string> tables;
    RETURN_IF_ERROR(database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(tables, storage::FindOutgrownTables(connection));
      return absl::OkStatus();
    }));
    if (tables.empty()) return absl::OkStatus();
    const absl::Status gathered =
        database_.Transact([&](storage::Connection& connection) -> absl::Status {
          const absl::Status status = storage::GatherStatistics(connection, tables);
          // Somebody else is at it: to try again at once would be of no use.
          return absl::IsAborted(status) ? absl::CancelledError() : status;
        });
    return absl::IsCancelled(gathered) ? absl::OkStatus() : gathered;
  }

  storage::Database& database_;
  WorkerRegistry& workers_;
  Claimer claimer_;
  TaskEnder ender_;
  RolloutDriver rollouts_;
  ProvisionClaimer provisions_;
  Housekeeper housekeeper_;
  std::chrono::steady_clock::time_point next_statistics_{};
};

}  // namespace

Dispatcher::Dispatcher(storage::Database* database, WorkerRegistry* workers,
                       domain::Signals* signals, const DispatcherOptions& options)
    : steps_(std::make_unique<DatabaseSteps>(database, workers, signals, options)),
      round_(steps_.get()),
      loop_("task executor", [this] { return round_.Do(); }) {}

}  // namespace longshore::executor
