#include "api_server/executor/claimer.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "api_server/domain/task_ends.h"
#include "api_server/executor/metrics/executor_metrics.h"
#include "common/fail_point.h"
#include "common/log_fields.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "storage/isolate.h"
#include "storage/task_store.h"

namespace longshore::executor {
namespace {

using std::chrono::steady_clock;
using storage::ClaimResult;
using storage::Connection;
using storage::DueFlow;
namespace lease_store = storage::lease_store;
namespace task_store = storage::task_store;

constexpr int kMaxClaimsPerRound = 200;
constexpr std::chrono::seconds kSetAsideFor{30};
// More rows than this that take neither a claim nor an end are no fault of rows.
constexpr size_t kMaxSetAside = 1000;

v1::ServerMessage AssignmentMessage(const v1::Assignment& assignment) {
  v1::ServerMessage message;
  *message.mutable_assignment() = assignment;
  return message;
}

}  // namespace

Claimer::Claimer(storage::Database* database, WorkerRegistry* workers, domain::Signals* signals,
                 storage::ClaimOptions options, int64_t max_output_bytes)
    : database_(*database),
      workers_(*workers),
      signals_(*signals),
      options_(options),
      max_output_bytes_(max_output_bytes) {}

absl::Status Claimer::ClaimAll() {
  for (const storage::Reach& reach : workers_.Reaches()) {
    bool more = true;
    while (more) {
      ASSIGN_OR_RETURN(more, ClaimOnce(reach));
    }
  }
  return absl::OkStatus();
}

std::vector<int64_t> Claimer::SetAside() {
  const auto now = steady_clock::now();
  std::erase_if(set_aside_, [now](const auto& entry) { return entry.second <= now; });
  std::vector<int64_t> ids;
  for (const auto& [id, until] : set_aside_) ids.push_back(id);
  return ids;
}

absl::StatusOr<std::vector<DueFlow>> Claimer::Turns(int slots, const storage::Reach& reach) {
  std::vector<DueFlow> flows;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(flows, lease_store::FindDueFlows(connection, reach.pool, slots, SetAside()));
    return absl::OkStatus();
  }));
  std::erase_if(flows, [&](const DueFlow& flow) { return !reach.projects.Contains(flow.project); });
  return fair_share_.Divide(flows, slots);
}

absl::StatusOr<ClaimResult> Claimer::Claim(
    const std::function<absl::StatusOr<ClaimResult>(Connection&)>& claim) {
  ClaimResult claimed;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(claimed, claim(connection));
    std::vector<storage::TaskEnd> ends;
    for (const storage::RefusedTask& task : claimed.refused) {
      ends.push_back(domain::RefusedEnd(task));
    }
    return task_store::End(connection, ends, OutputLimit(max_output_bytes_));
  }));
  return claimed;
}

absl::StatusOr<bool> Claimer::ClaimOnce(const storage::Reach& reach) {
  const Slots slots = workers_.TakeCredit(kMaxClaimsPerRound, reach);
  if (slots.empty()) return false;
  std::vector<std::string> names;
  for (const WorkerRegistry::Slot& slot : slots) names.push_back(slot.worker);
  LONGSHORE_FAIL_POINT("executor.claiming");
  const auto turns = Turns(static_cast<int>(slots.size()), reach);
  if (!turns.ok() || turns->empty()) {
    LONGSHORE_FAIL_POINT("executor.idle");
    ReturnCredit(slots);
    return turns.ok() ? absl::StatusOr<bool>(false) : turns.status();
  }
  std::vector<int64_t> refused;
  const auto claimed = ClaimTurns(*turns, names, &refused);
  RETURN_IF_ERROR(Finish(slots, claimed));
  // They end in a transaction that judges them again, and so may claim one of them.
  if (!refused.empty()) RETURN_IF_ERROR(ClaimRefused(refused, reach));
  // With fewer turns than slots there was no more; what has become due since then is announced.
  size_t taken = 0;
  for (const DueFlow& turn : *turns) taken += static_cast<size_t>(turn.due);
  return claimed->examined > 0 && taken >= slots.size();
}

absl::Status Claimer::Finish(const Slots& slots, const absl::StatusOr<ClaimResult>& claimed) {
  if (!claimed.ok()) {
    ReturnCredit(slots);
    return claimed.status();
  }
  if (!claimed->refused.empty()) {
    std::vector<int64_t> changed;
    for (const storage::RefusedTask& task : claimed->refused) changed.push_back(task.payload_id);
    signals_.PayloadsChanged(changed);
  }
  Metrics().claims.Increment(static_cast<double>(claimed->claims.size()));
  Metrics().refused_claims.Increment(static_cast<double>(claimed->refused.size()));
  LONGSHORE_FAIL_POINT(claimed->claims.empty() ? "executor.idle" : "executor.claimed");
  return Send(slots, MakeAssignments(claimed->claims, max_output_bytes_));
}

absl::StatusOr<ClaimResult> Claimer::ClaimTurns(const std::vector<DueFlow>& turns,
                                                const std::vector<std::string>& workers,
                                                std::vector<int64_t>* refused) {
  ClaimResult claimed;
  const absl::Status status = database_.TransactAtOnce([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(claimed,
                     lease_store::ClaimDue(connection, turns, SetAside(), workers, options_));
    return absl::OkStatus();
  });
  if (storage::IsRowFault(status)) {
    LOG(ERROR) << "a claim was refused: " << status << "; its tasks are claimed singly";
    std::vector<int64_t> ids;
    RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(ids, lease_store::FindDue(connection, turns, SetAside()));
      return absl::OkStatus();
    }));
    return ClaimOrEnd(ids, workers);
  }
  RETURN_IF_ERROR(status);
  for (const storage::RefusedTask& task : claimed.refused) refused->push_back(task.task_id);
  claimed.refused.clear();
  return claimed;
}

absl::Status Claimer::ClaimRefused(const std::vector<int64_t>& ids, const storage::Reach& reach) {
  const Slots slots = workers_.TakeCredit(static_cast<int>(ids.size()), reach);
  if (slots.empty()) return absl::OkStatus();  // They stay due.
  std::vector<std::string> names;
  for (const WorkerRegistry::Slot& slot : slots) names.push_back(slot.worker);
  return Finish(slots, ClaimOrEnd(ids, names));
}

absl::StatusOr<ClaimResult> Claimer::ClaimOrEnd(const std::vector<int64_t>& ids,
                                                const std::vector<std::string>& workers) {
  ClaimResult all;
  const auto claim = [&](const std::vector<int64_t>& part) -> absl::Status {
    // Those claimed so far have taken the first of the workers' places.
    const size_t taken = std::min(all.claims.size(), workers.size());
    const std::vector<std::string> free(workers.begin() + static_cast<ptrdiff_t>(taken),
                                        workers.end());
    if (free.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(ClaimResult claimed, Claim([&](Connection& connection) {
                       return lease_store::ClaimTasks(connection, part, free, options_);
                     }));
    all.examined += claimed.examined;
    std::move(claimed.claims.begin(), claimed.claims.end(), std::back_inserter(all.claims));
    std::move(claimed.refused.begin(), claimed.refused.end(), std::back_inserter(all.refused));
    return absl::OkStatus();
  };
  const auto refused = storage::ApplyIsolated<int64_t>(ids, claim);
  // What has been claimed must be sent, whatever went wrong later.
  if (!refused.ok()) {
    return all.claims.empty() ? absl::StatusOr<ClaimResult>(refused.status()) : all;
  }
  for (const auto& one : *refused) {
    ++all.examined;
    const absl::Status ended = EndUnclaimable(one.item, one.reason);
    if (ended.ok()) continue;
    LOG(ERROR) << "task " << one.item
               << " can neither be claimed nor ended, it is set aside: " << ended;
    if (set_aside_.size() >= kMaxSetAside) return ended;
    set_aside_[one.item] = steady_clock::now() + kSetAsideFor;
  }
  return all;
}

absl::Status Claimer::EndUnclaimable(int64_t task_id, const std::string& reason) {
  std::vector<int64_t> changed;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    changed.clear();
    ASSIGN_OR_RETURN(const auto tasks, task_store::Lock(connection, {task_id}));
    if (tasks.empty() || tasks[0].status != v1::TASK_STATUS_PENDING) return absl::OkStatus();
    changed.push_back(tasks[0].payload_id);
    return task_store::End(
        connection,
        {domain::InternalEnd(tasks[0], "its task cannot be given to a worker: " + reason)},
        OutputLimit(max_output_bytes_));
  }));
  const LogFields about{{"task_id", task_id}};
  LOG(ERROR) << "task " << task_id << " cannot be claimed, it is FAILED: " << reason;
  if (!changed.empty()) signals_.PayloadsChanged(changed);
  return absl::OkStatus();
}

void Claimer::ReturnCredit(const Slots& slots) {
  for (const WorkerRegistry::Slot& slot : slots) workers_.AddCredit(slot.key, 1);
}

std::vector<storage::HeldLease> Claimer::SendEach(
    const Slots& slots, const std::vector<AddressedAssignment>& assignments) {
  std::multimap<std::string, int64_t> keys;
  for (const WorkerRegistry::Slot& slot : slots) keys.emplace(slot.worker, slot.key);
  std::vector<storage::HeldLease> unsent;
  for (const AddressedAssignment& addressed : assignments) {
    const auto place = keys.find(addressed.worker);
    const int64_t key = place == keys.end() ? 0 : place->second;
    if (place != keys.end()) keys.erase(place);
    if (!workers_.Send(key, AssignmentMessage(addressed.assignment))) {
      unsent.push_back({.task_id = addressed.assignment.task_id(),
                        .lease_epoch = addressed.assignment.lease_epoch(),
                        .worker = addressed.worker});
    }
  }
  for (const auto& [name, key] : keys) workers_.AddCredit(key, 1);
  return unsent;
}

absl::Status Claimer::Send(const Slots& slots,
                           const std::vector<AddressedAssignment>& assignments) {
  const std::vector<storage::HeldLease> unsent = SendEach(slots, assignments);
  if (unsent.empty()) return absl::OkStatus();
  // The worker left meanwhile. By their leases: this process may have been stopped since the claim,
  // and others been given these.
  return database_.Run(
      [&](Connection& connection) { return task_store::Release(connection, unsent); });
}

absl::Status Claimer::SendAll(
    const Slots& slots,
    const std::function<absl::StatusOr<std::vector<AddressedAssignment>>(Connection&)>& claim,
    std::vector<storage::HeldLease>* unsent) {
  std::vector<AddressedAssignment> assignments;
  absl::Status status = database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(assignments, claim(connection));
    return absl::OkStatus();
  });
  if (!status.ok()) assignments.clear();
  *unsent = SendEach(slots, assignments);
  return status;
}

}  // namespace longshore::executor
