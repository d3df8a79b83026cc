// Provisions instances: gathers them into runs of ansible-playbook.
#ifndef LONGSHORE_PAYLOAD_WORKER_PROVISION_PROVISIONER_H_
#define LONGSHORE_PAYLOAD_WORKER_PROVISION_PROVISIONER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/mutex.h"
#include "longshore/v1/worker_service.pb.h"
#include "payload_worker/link/lease_key.h"
#include "payload_worker/link/lease_table.h"
#include "payload_worker/link/outbox.h"
#include "payload_worker/provision/ansible_run.h"
#include "payload_worker/provision/host_progress.h"

namespace longshore::provision {

struct ProvisionerOptions {
  AnsibleOptions ansible;
  std::string worker;  // Its name, for logs.
};

// Thread-safe. Each host that is added gets one last event: Provisioned, or Released when the
// worker drains or can no longer trust its lease. A host that is dropped, or still there at
// Shutdown, gets none.
class Provisioner {
 public:
  // `leases` and `outbox` must outlive the provisioner.
  Provisioner(ProvisionerOptions options, LeaseTable* leases, Outbox* outbox);
  ~Provisioner();

  // Adds a host to one of the next runs. Its host_key must be set.
  void Add(v1::Assignment host) ABSL_LOCKS_EXCLUDED(mutex_);
  // Forgets a host whose lease is lost.
  void Drop(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Ends a host whose instance is no longer wanted.
  void Cancel(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Hands over all hosts, and those that are added later.
  void ReleaseAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Kills the runs and ends the threads.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Host {
    v1::Assignment assignment;
    bool running = false;
  };
  using Progress = std::map<std::string, std::pair<LeaseKey, HostProgress>>;

  void ProvisionLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for hosts and takes those of the next run. Returns none at Shutdown.
  std::vector<v1::Assignment> NextBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  void ProvisionBatch(const std::vector<v1::Assignment>& batch) ABSL_LOCKS_EXCLUDED(mutex_);
  // Returns true while the worker still holds one of the hosts. Hands over those whose leases have
  // run out.
  bool AnyWanted(const Progress& progress) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Has(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Reports the host's last event, unless the host is gone already.
  void End(const LeaseKey& key, v1::TaskEvent event) ABSL_LOCKS_EXCLUDED(mutex_);
  void End(const LeaseKey& key, v1::Provisioned result) ABSL_LOCKS_EXCLUDED(mutex_);

  const ProvisionerOptions options_;
  LeaseTable& leases_;
  Outbox& outbox_;
  Mutex mutex_;
  CondVar changed_;
  std::map<LeaseKey, Host> hosts_ ABSL_GUARDED_BY(mutex_);
  bool releasing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace longshore::provision

#endif  // LONGSHORE_PAYLOAD_WORKER_PROVISION_PROVISIONER_H_
