// Which tasks this worker holds, and how long it may trust that.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_

#include <chrono>
#include <map>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "payload_worker/link/lease_key.h"

namespace longshore {

// Thread-safe. A lease counts only once a heartbeat that was sent after its assignment came has
// been answered: an assignment may have lain in a buffer for any time. It is trusted from the
// moment the heartbeat was sent, so less long than the database does.
class LeaseTable {
 public:
  explicit LeaseTable(const Clock* clock);

  void Add(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Holds(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // It is valid now.
  bool IsValid(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  std::vector<LeaseKey> All() ABSL_LOCKS_EXCLUDED(mutex_);
  // Those that no heartbeat has been sent for.
  std::vector<LeaseKey> TakeUnconfirmed() ABSL_LOCKS_EXCLUDED(mutex_);
  // No heartbeat is on its way any more (a new stream): every lease that is not valid wants one.
  void ForgetHeartbeats() ABSL_LOCKS_EXCLUDED(mutex_);

  // The database renewed these to `until` at least, on this worker's clock.
  void Renew(const std::vector<LeaseKey>& keys, std::chrono::nanoseconds until)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until the lease is valid for `remaining` longer; false when it is lost, or `limit` is
  // over first.
  bool WaitValid(const LeaseKey& key, std::chrono::nanoseconds remaining,
                 std::chrono::milliseconds limit) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Lease {
    bool heartbeat_sent = false;
    std::chrono::nanoseconds valid_until{0};
  };
  const Clock& clock_;
  Mutex mutex_;
  CondVar changed_;
  std::map<LeaseKey, Lease> leases_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_
