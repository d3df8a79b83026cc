// A payload_worker: connects its parts and drains them.
#ifndef LONGSHORE_PAYLOAD_WORKER_WORKER_H_
#define LONGSHORE_PAYLOAD_WORKER_WORKER_H_

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "common/networks.h"
#include "common/tls.h"
#include "payload_worker/connector_pool.h"
#include "payload_worker/link/lease_table.h"
#include "payload_worker/link/outbox.h"
#include "payload_worker/link/script_cache.h"
#include "payload_worker/link/server_link.h"
#include "payload_worker/provision/provisioner.h"
#include "payload_worker/run/delivery.h"
#include "payload_worker/run/follower.h"
#include "payload_worker/ssh/key_ring.h"
#include "payload_worker/ssh/session.h"
#include "payload_worker/ssh/session_pool.h"
#include "payload_worker/ssh/tunnels.h"

namespace longshore {

struct WorkerOptions {
  std::vector<std::string> servers;
  std::string name;
  TlsFiles tls;             // Without any, the links to the servers are plain.
  int max_connecting = 64;  // Connections that make progress at a time; see ConnectorPool.
  ssh::KeyRingOptions keys;
  Networks allowed;                   // Addresses that it may dial.
  bool require_host_key = false;      // Instances without a known host key are refused.
  std::string pool;                   // Whose instances it reaches.
  std::vector<std::string> projects;  // Whose tasks it takes; none: every project's.
  std::chrono::seconds ssh_idle{60};  // How long a connection without a task is kept.
  int max_running = 10000;            // How many tasks it holds in all.
  size_t script_cache_bytes = 64 << 20;
  // How much output of all runs together may wait for an api_server; the rest waits on the
  // instances.
  int64_t max_outbox_bytes = Outbox::kDefaultMaxBytes;
  provision::AnsibleOptions ansible;
  std::chrono::milliseconds drain_timeout{20000};
};

// How a worker stands at the moment.
struct WorkerState {
  bool alive = true;       // The loop that follows the runs turns.
  bool connected = false;  // To an api_server that has said welcome.
  bool draining = false;
  size_t tasks = 0;    // That it holds.
  int connecting = 0;  // Queued or on a connector; cleanups too.
  size_t sessions_kept = 0;
  int64_t outbox_bytes = 0;
};

// Thread-safe. A task is queued, then connecting (on a connector thread), then followed. Its lease
// may be lost at each step.
class Worker {
 public:
  explicit Worker(WorkerOptions options);
  ~Worker();

  // Takes no new tasks, lets connections under way finish, hands over what runs, and waits until
  // all of that is stored. Gives up after drain_timeout.
  void Drain() ABSL_LOCKS_EXCLUDED(mutex_);

  WorkerState state() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  enum class Stop { kNo, kUnlessStarted, kYes };
  struct Task {
    int64_t number = 0;  // Of the assignment, among all that this worker has been given.
    Stop stop = Stop::kNo;
    bool following = false;
    bool provisioning = false;
    std::optional<std::string> pinned_host_key;  // The server's answer.
  };

  int Capacity() ABSL_LOCKS_EXCLUDED(mutex_);
  void OnAssignment(v1::Assignment assignment) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCancel(int64_t task_id, bool unless_started) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnLost(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnCommitted(const v1::TaskEvent& event) ABSL_LOCKS_EXCLUDED(mutex_);
  void OnHostKey(const v1::HostKeyDecision& decision) ABSL_LOCKS_EXCLUDED(mutex_);
  // These three run on a connector thread.
  void Deliver(int64_t number, const v1::Assignment& assignment,
               const ConnectorPool::OnSocket& on_socket) ABSL_LOCKS_EXCLUDED(mutex_);
  void CleanUp(const v1::Assignment& assignment, const ConnectorPool::OnSocket& on_socket)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void Provision(v1::Assignment assignment, const ConnectorPool::OnSocket& on_socket)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Ansible dials by itself: it is given an address that this worker may dial.
  absl::Status PrepareForAnsible(v1::Assignment* assignment) const;
  // Connects to an instance without a pinned host key and returns the key that is pinned for it.
  absl::StatusOr<std::string> LearnHostKey(const v1::Assignment& assignment,
                                           const ConnectorPool::OnSocket& on_socket)
      ABSL_LOCKS_EXCLUDED(mutex_);
  absl::StatusOr<std::string> PinHostKey(const LeaseKey& key, const std::string& host_key)
      ABSL_LOCKS_EXCLUDED(mutex_);
  bool IsCancelled(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets the task, which is over for this worker.
  void Forget(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);

  const WorkerOptions options_;
  ssh::KeyRing keys_;
  Mutex mutex_;
  CondVar changed_;
  std::map<LeaseKey, Task> tasks_ ABSL_GUARDED_BY(mutex_);
  int64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  int connecting_ ABSL_GUARDED_BY(mutex_) = 0;  // Tasks that are queued or on a connector.
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  ssh::Watchdog watchdog_;
  ssh::Tunnels tunnels_;
  ssh::SessionPool sessions_;
  LeaseTable leases_;
  Outbox outbox_;
  ScriptCache scripts_;
  run::DeliveryContext context_;
  run::Follower follower_;
  provision::Provisioner provisioner_;
  ConnectorPool connectors_;
  // Last: its threads call into everything above.
  std::unique_ptr<ServerLink> link_;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_WORKER_H_
