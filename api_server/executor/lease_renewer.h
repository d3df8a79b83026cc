// Renews what workers name in their heartbeats: leases one by one, and groups of leases.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_LEASE_RENEWER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_LEASE_RENEWER_H_

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "longshore/v1/worker_service.pb.h"
#include "storage/database.h"
#include "storage/lease_store.h"

namespace longshore::executor {

// A heartbeat and the worker that sent it.
struct WorkerHeartbeat {
  std::string worker;
  const v1::Heartbeat* heartbeat;
};

void SetLost(const storage::HeldLease& lease, v1::LostLease* lost);

// Thread-safe.
class LeaseRenewer {
 public:
  LeaseRenewer(storage::Database* database, std::chrono::milliseconds lease_duration);

  // Returns the answers, in the order of the heartbeats, none of which makes a group. All that they
  // say is committed. An error means that nothing is known to be renewed: the workers ask again.
  absl::StatusOr<std::vector<v1::LeasesRenewed>> Renew(
      const std::vector<WorkerHeartbeat>& heartbeats);
  // Returns the answer to a heartbeat that makes a group: NoGroup where the database fails. It does
  // not wait for what others change.
  v1::LeasesRenewed MakeGroup(const WorkerHeartbeat& of);
  // Returns the answer to a heartbeat of which no group is made: the worker asks for each lease.
  static v1::LeasesRenewed NoGroup(const v1::Heartbeat& heartbeat);

 private:
  using Renewals = std::map<storage::HeldLease, storage::lease_store::Renewal>;
  // By worker and id.
  using GroupRenewals =
      std::map<std::pair<std::string, int64_t>, storage::lease_store::GroupRenewal>;

  absl::StatusOr<Renewals> RenewEach(const std::vector<WorkerHeartbeat>& heartbeats);
  absl::StatusOr<GroupRenewals> RenewGroups(const std::vector<WorkerHeartbeat>& heartbeats);

  storage::Database& database_;
  const std::chrono::milliseconds lease_duration_;
  // Of a transaction that locks leases. A worker that hears nothing from here for half a lease asks
  // another api_server, which has to renew them well before they run out.
  const std::chrono::milliseconds most_idle_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_LEASE_RENEWER_H_
