#include "api_server/executor/provision_claimer.h"

#include <vector>

#include "common/status_macros.h"
#include "storage/provision_store.h"
#include "storage/task_store.h"

namespace longshore::executor {
namespace {

using storage::Connection;

constexpr int kMaxProvisionsPerRound = 200;

}  // namespace

ProvisionClaimer::ProvisionClaimer(storage::Database* database, WorkerRegistry* workers,
                                   Claimer* claimer, domain::Signals* signals,
                                   std::chrono::milliseconds lease_duration)
    : database_(*database),
      workers_(*workers),
      claimer_(*claimer),
      signals_(*signals),
      lease_duration_(lease_duration) {}

absl::Status ProvisionClaimer::Claim() {
  for (const storage::Reach& reach : workers_.Reaches()) {
    RETURN_IF_ERROR(ClaimFor(reach));
  }
  return absl::OkStatus();
}

absl::Status ProvisionClaimer::ClaimFor(const storage::Reach& reach) {
  const std::vector<WorkerRegistry::Slot> slots =
      workers_.TakeCreditOfOne(kMaxProvisionsPerRound, reach);
  if (slots.empty()) return absl::OkStatus();
  std::vector<storage::HeldLease> unsent;
  bool claimed = false;
  RETURN_IF_ERROR(claimer_.SendAll(
      slots,
      [&](Connection& connection) -> absl::StatusOr<std::vector<AddressedAssignment>> {
        ASSIGN_OR_RETURN(const auto claims, storage::provision_store::Claim(
                                                connection, reach, slots[0].worker,
                                                static_cast<int>(slots.size()), lease_duration_));
        claimed = !claims.empty();
        return MakeAssignments(claims);
      },
      &unsent));
  if (claimed) signals_.InstancesChanged();
  if (unsent.empty()) return absl::OkStatus();
  return database_.Run(
      [&](Connection& connection) { return storage::task_store::Release(connection, unsent); });
}

}  // namespace longshore::executor
