#include "api_server/executor/lease_renewer.h"

#include <glog/logging.h>

#include <iterator>
#include <set>

#include "common/status_macros.h"
#include "storage/isolate.h"

namespace longshore::executor {
namespace {

using storage::HeldLease;
namespace lease_store = storage::lease_store;

std::vector<HeldLease> LeasesOf(const WorkerHeartbeat& of) {
  std::vector<HeldLease> leases;
  leases.reserve(of.heartbeat->task_ids_size());
  for (int i = 0; i < of.heartbeat->task_ids_size(); ++i) {
    leases.push_back({.task_id = of.heartbeat->task_ids(i),
                      .lease_epoch = of.heartbeat->lease_epochs(i),
                      .worker = of.worker});
  }
  return leases;
}

// Says whether its holder is to stop it.
void AddStop(const lease_store::Renewal& renewal, v1::LeasesRenewed* answer) {
  if (renewal.cancel_requested) {
    answer->add_cancel_task_ids(renewal.lease.task_id);
  } else if (renewal.recall_requested) {
    answer->add_recall_task_ids(renewal.lease.task_id);
  }
}

}  // namespace

void SetLost(const HeldLease& lease, v1::LostLease* lost) {
  lost->set_task_id(lease.task_id);
  lost->set_lease_epoch(lease.lease_epoch);
}

LeaseRenewer::LeaseRenewer(storage::Database* database, std::chrono::milliseconds lease_duration)
    : database_(*database), lease_duration_(lease_duration), most_idle_(lease_duration / 5) {}

absl::StatusOr<std::vector<v1::LeasesRenewed>> LeaseRenewer::Renew(
    const std::vector<WorkerHeartbeat>& heartbeats) {
  ASSIGN_OR_RETURN(const Renewals renewed, RenewEach(heartbeats));
  ASSIGN_OR_RETURN(const GroupRenewals groups, RenewGroups(heartbeats));
  std::vector<v1::LeasesRenewed> answers;
  answers.reserve(heartbeats.size());
  for (const WorkerHeartbeat& of : heartbeats) {
    v1::LeasesRenewed& answer = answers.emplace_back();
    answer.set_sequence(of.heartbeat->sequence());
    for (const HeldLease& lease : LeasesOf(of)) {
      const auto found = renewed.find(lease);
      if (found == renewed.end()) {
        SetLost(lease, answer.add_lost());
      } else {
        AddStop(found->second, &answer);
      }
    }
    for (const v1::LeaseGroup& group : of.heartbeat->groups()) {
      const auto found = groups.find({of.worker, group.id()});
      if (found == groups.end()) {
        answer.add_refused_groups(group.id());
        continue;
      }
      const lease_store::GroupRenewal& renewal = found->second;
      answer.mutable_cancel_task_ids()->Add(renewal.cancel_task_ids.begin(),
                                            renewal.cancel_task_ids.end());
      answer.mutable_recall_task_ids()->Add(renewal.recall_task_ids.begin(),
                                            renewal.recall_task_ids.end());
    }
  }
  return answers;
}

absl::StatusOr<LeaseRenewer::Renewals> LeaseRenewer::RenewEach(
    const std::vector<WorkerHeartbeat>& heartbeats) {
  std::vector<HeldLease> leases;
  for (const WorkerHeartbeat& of : heartbeats) {
    const std::vector<HeldLease> named = LeasesOf(of);
    leases.insert(leases.end(), named.begin(), named.end());
  }
  Renewals renewed;
  std::vector<lease_store::Renewal> of_part;
  const auto note = [&](const absl::Status& done) {
    if (!done.ok()) return done;
    for (const auto& renewal : of_part) renewed[renewal.lease] = renewal;
    return absl::OkStatus();
  };
  const auto renew = [&](const std::vector<HeldLease>& part) {
    return note(database_.Run([&](storage::Connection& connection) -> absl::Status {
      ASSIGN_OR_RETURN(of_part, lease_store::Renew(connection, part, lease_duration_));
      return absl::OkStatus();
    }));
  };
  ASSIGN_OR_RETURN(auto refused, storage::ApplyIsolated<HeldLease>(leases, renew));
  // What has been lost, or is of a group: few, unless a group has been dissolved.
  std::erase_if(leases, [&](const HeldLease& lease) { return renewed.count(lease) > 0; });
  const auto renew_grouped = [&](const std::vector<HeldLease>& part) {
    return note(database_.Transact([&](storage::Connection& connection) -> absl::Status {
      RETURN_IF_ERROR(lease_store::LimitIdle(connection, most_idle_));
      ASSIGN_OR_RETURN(of_part, lease_store::RenewGrouped(connection, part, lease_duration_));
      return absl::OkStatus();
    }));
  };
  ASSIGN_OR_RETURN(auto also_refused, storage::ApplyIsolated<HeldLease>(leases, renew_grouped));
  std::move(also_refused.begin(), also_refused.end(), std::back_inserter(refused));
  for (const auto& one : refused) {
    LOG(ERROR) << "the lease of task " << one.item.task_id << " cannot be renewed: " << one.reason;
    renewed.erase(one.item);
  }
  return renewed;
}

absl::StatusOr<LeaseRenewer::GroupRenewals> LeaseRenewer::RenewGroups(
    const std::vector<WorkerHeartbeat>& heartbeats) {
  std::vector<lease_store::LeaseGroup> groups;
  for (const WorkerHeartbeat& of : heartbeats) {
    for (const v1::LeaseGroup& group : of.heartbeat->groups()) {
      groups.push_back({.id = group.id(),
                        .worker = of.worker,
                        .tasks = group.tasks(),
                        .task_id_sum = group.task_id_sum(),
                        .lease_epoch_sum = group.lease_epoch_sum()});
    }
  }
  GroupRenewals renewed;
  if (groups.empty()) return renewed;
  const absl::Status status = database_.Run([&](storage::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(auto renewals, lease_store::RenewGroups(connection, groups, lease_duration_));
    for (auto& renewal : renewals) {
      const std::pair key{renewal.worker, renewal.id};
      renewed[key] = std::move(renewal);
    }
    return absl::OkStatus();
  });
  if (storage::IsRowFault(status)) {
    // The workers ask for each lease, which finds the row.
    LOG(ERROR) << groups.size() << " groups of leases cannot be renewed: " << status;
    return renewed;
  }
  RETURN_IF_ERROR(status);
  return renewed;
}

v1::LeasesRenewed LeaseRenewer::NoGroup(const v1::Heartbeat& heartbeat) {
  v1::LeasesRenewed answer;
  answer.set_sequence(heartbeat.sequence());
  *answer.mutable_ungrouped_task_ids() = heartbeat.task_ids();
  return answer;
}

v1::LeasesRenewed LeaseRenewer::MakeGroup(const WorkerHeartbeat& of) {
  const std::vector<HeldLease> leases = LeasesOf(of);
  lease_store::NewLeaseGroup group;
  const absl::Status made =
      database_.Transact([&](storage::Connection& connection) -> absl::Status {
        RETURN_IF_ERROR(lease_store::LimitIdle(connection, most_idle_));
        ASSIGN_OR_RETURN(group, lease_store::MakeGroup(connection, leases, lease_duration_));
        return absl::OkStatus();
      });
  if (!made.ok()) {
    const auto severity = storage::IsRowFault(made) ? google::GLOG_ERROR : google::GLOG_WARNING;
    LOG_AT_LEVEL(severity) << "leases of worker '" << of.worker
                           << "' cannot become a group: " << made;
    return NoGroup(*of.heartbeat);
  }
  v1::LeasesRenewed answer;
  answer.set_sequence(of.heartbeat->sequence());
  answer.set_group(group.id);
  std::set<HeldLease> grouped;
  for (const lease_store::Renewal& renewal : group.renewals) {
    grouped.insert(renewal.lease);
    AddStop(renewal, &answer);
  }
  for (const HeldLease& lease : leases) {
    // That it is not in the group does not say that it is lost.
    if (grouped.count(lease) == 0) answer.add_ungrouped_task_ids(lease.task_id);
  }
  return answer;
}

}  // namespace longshore::executor
