// Which tasks this worker holds, and how long it may rely on that.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "payload_worker/link/lease_key.h"

namespace longshore {

// Leases that are renewed together: how many, and the sums of their ids and epochs, by which the
// api_server sees whether it knows them too.
struct LeaseGroup {
  int64_t id = 0;
  int64_t tasks = 0;
  int64_t task_id_sum = 0;
  int64_t lease_epoch_sum = 0;

  bool operator==(const LeaseGroup& other) const = default;
};

// Thread-safe. A new lease is not valid until a heartbeat that was sent after its assignment came
// has been answered, because the assignment may have lain in a buffer for any time. The time of a
// renewed lease is counted from when the heartbeat was sent, so it ends here before it ends in the
// database.
class LeaseTable {
 public:
  explicit LeaseTable(const Clock* clock);

  // Adds a lease that is not valid yet.
  void Add(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true when the lease has been added and not removed, valid or not.
  bool Holds(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true when the lease is valid now.
  bool IsValid(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the leases that are of no group, for a heartbeat that the caller is about to send for
  // them.
  std::vector<LeaseKey> TakeSingle() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the groups that have leases, for the same heartbeat.
  std::vector<LeaseGroup> Groups() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the leases for which no heartbeat has been sent yet, for one that the caller is about
  // to send.
  std::vector<LeaseKey> TakeUnconfirmed() ABSL_LOCKS_EXCLUDED(mutex_);
  // Called for a new stream, on which no heartbeat is on its way: every lease of no group needs one
  // again.
  void ForgetHeartbeats() ABSL_LOCKS_EXCLUDED(mutex_);

  // Returns the leases that should become a group, for a heartbeat that the caller is about to send
  // for them: those that have been renewed one by one for a while, and with them the groups that
  // are no larger, so that groups stay few. None, if there are none of the former. They are of no
  // group from now on: whenever that heartbeat takes effect, none is relied on by one that it left.
  std::vector<LeaseKey> TakeSettled() ABSL_LOCKS_EXCLUDED(mutex_);
  // Notes that those of `keys` that are held are of this group from now on.
  void SetGroup(const std::vector<LeaseKey>& keys, int64_t group) ABSL_LOCKS_EXCLUDED(mutex_);
  // Makes the leases of a group single ones again, which are to be confirmed at once.
  void Dissolve(int64_t group) ABSL_LOCKS_EXCLUDED(mutex_);
  void DissolveAll() ABSL_LOCKS_EXCLUDED(mutex_);

  // Notes that the database has renewed these leases until `until` at least, by this worker's
  // clock.
  void Renew(const std::vector<LeaseKey>& keys, std::chrono::nanoseconds until)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Notes the same of all leases of these groups.
  void RenewGroups(const std::set<int64_t>& groups, std::chrono::nanoseconds until)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until the lease is valid for `remaining` longer. Returns false when it is lost, or
  // `limit` is over first.
  bool WaitValid(const LeaseKey& key, std::chrono::nanoseconds remaining,
                 std::chrono::milliseconds limit) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Lease {
    bool heartbeat_sent = false;
    int renewals = 0;   // Since it has been of no group.
    int64_t group = 0;  // 0: none.
    std::chrono::nanoseconds valid_until{0};
  };
  std::vector<LeaseGroup> GroupsLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  std::map<LeaseKey, Lease> leases_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_
