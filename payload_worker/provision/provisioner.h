// The instances that this worker provisions: gathers them into runs of ansible-playbook.
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

// Thread-safe. Every host that is added gets one last event: Provisioned, or Released when the
// worker drains or can no longer trust its lease; none when it is dropped.
class Provisioner {
 public:
  // All must outlive it.
  Provisioner(ProvisionerOptions options, LeaseTable* leases, Outbox* outbox);
  ~Provisioner();

  // `host` has its host_key.
  void Add(v1::Assignment host) ABSL_LOCKS_EXCLUDED(mutex_);
  // The lease is lost.
  void Drop(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Nobody wants the instance any more.
  void Cancel(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // Hands over everything, now and later.
  void ReleaseAll() ABSL_LOCKS_EXCLUDED(mutex_);
  // Kills what runs.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Host {
    v1::Assignment assignment;
    bool running = false;
  };
  using Progress = std::map<std::string, std::pair<LeaseKey, HostProgress>>;

  void ProvisionLoop() ABSL_LOCKS_EXCLUDED(mutex_);
  // Waits for hosts and takes those of the next run; empty at the end.
  std::vector<v1::Assignment> NextBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  void ProvisionBatch(const std::vector<v1::Assignment>& batch) ABSL_LOCKS_EXCLUDED(mutex_);
  // True while one of them is still this worker's; hands over those whose lease ran out.
  bool AnyWanted(const Progress& progress) ABSL_LOCKS_EXCLUDED(mutex_);
  bool Has(const LeaseKey& key) ABSL_LOCKS_EXCLUDED(mutex_);
  // The host's last event, unless it is gone already.
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
