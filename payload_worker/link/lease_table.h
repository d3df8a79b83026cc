// Which tasks this worker holds, and how long it may rely on that.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_LEASE_TABLE_H_

#include <chrono>
#include <map>
#include <vector>

#include "common/clock.h"
#include "common/mutex.h"
#include "payload_worker/link/lease_key.h"

namespace longshore {

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
  // Returns all leases, for a heartbeat that the caller is about to send for them.
  std::vector<LeaseKey> All() ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns the leases for which no heartbeat has been sent yet, for one that the caller is about
  // to send.
  std::vector<LeaseKey> TakeUnconfirmed() ABSL_LOCKS_EXCLUDED(mutex_);
  // Called for a new stream, on which no heartbeat is on its way: every lease needs one again.
  void ForgetHeartbeats() ABSL_LOCKS_EXCLUDED(mutex_);

  // Notes that the database has renewed these leases until `until` at least, by this worker's
  // clock.
  void Renew(const std::vector<LeaseKey>& keys, std::chrono::nanoseconds until)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits until the lease is valid for `remaining` longer. Returns false when it is lost, or
  // `limit` is over first.
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
