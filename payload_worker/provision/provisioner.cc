#include "payload_worker/provision/provisioner.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "payload_worker/provision/inventory.h"

namespace longshore::provision {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kBatchesAtOnce = 2;
constexpr size_t kMaxHostsPerBatch = 100;
// A run costs a second whatever its size: those that come together go together.
constexpr milliseconds kGathering{200};

constexpr milliseconds kConfirmation{5000};

v1::Provisioned TryAgain(const std::string& error) {
  v1::Provisioned result;
  result.set_retry(true);
  result.set_error(error);
  result.set_log("not ready: " + error + "\n");
  return result;
}

v1::TaskEvent Released() {
  v1::TaskEvent event;
  event.mutable_released();
  return event;
}

LeaseKey KeyOf(const v1::Assignment& host) { return {host.task_id(), host.lease_epoch()}; }

}  // namespace

Provisioner::Provisioner(ProvisionerOptions options, LeaseTable* leases, Outbox* outbox)
    : options_(std::move(options)), leases_(*leases), outbox_(*outbox) {
  for (int i = 0; i < kBatchesAtOnce; ++i) threads_.emplace_back([this] { ProvisionLoop(); });
}

Provisioner::~Provisioner() { Shutdown(); }

void Provisioner::Shutdown() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.NotifyAll();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void Provisioner::Add(v1::Assignment host) {
  const LeaseKey key = KeyOf(host);
  const absl::Status possible = CheckHost(host);
  const absl::Status key_file = options_.ansible.key_file(host.project()).status();
  bool releasing = false;
  {
    MutexLock lock(&mutex_);
    releasing = releasing_;
    hosts_[key] = {.assignment = std::move(host)};
  }
  changed_.NotifyAll();
  if (releasing) {
    End(key, Released());
  } else if (!possible.ok()) {
    v1::Provisioned result = TryAgain(std::string(possible.message()));
    result.set_retry(false);
    End(key, std::move(result));
  } else if (!key_file.ok()) {
    End(key, TryAgain(std::string(key_file.message())));
  }
}

void Provisioner::Drop(const LeaseKey& key) {
  MutexLock lock(&mutex_);
  hosts_.erase(key);
}

void Provisioner::Cancel(const LeaseKey& key) { End(key, TryAgain("it was cancelled")); }

void Provisioner::ReleaseAll() {
  std::vector<LeaseKey> keys;
  {
    MutexLock lock(&mutex_);
    releasing_ = true;
    for (const auto& [key, host] : hosts_) keys.push_back(key);
  }
  for (const LeaseKey& key : keys) End(key, Released());
}

bool Provisioner::Has(const LeaseKey& key) {
  MutexLock lock(&mutex_);
  return hosts_.count(key) > 0;
}

void Provisioner::End(const LeaseKey& key, v1::TaskEvent event) {
  {
    MutexLock lock(&mutex_);
    if (hosts_.erase(key) == 0) return;
  }
  outbox_.AddLast(key, std::move(event));
}

void Provisioner::End(const LeaseKey& key, v1::Provisioned result) {
  v1::TaskEvent event;
  *event.mutable_provisioned() = std::move(result);
  End(key, std::move(event));
}

std::vector<v1::Assignment> Provisioner::NextBatch() {
  const auto waits = [](const auto& entry) { return !entry.second.running; };
  std::vector<v1::Assignment> batch;
  MutexLock lock(&mutex_);
  while (!stopping_ && std::none_of(hosts_.begin(), hosts_.end(), waits)) changed_.Wait(&mutex_);
  const auto gathered = steady_clock::now() + kGathering;
  while (!stopping_ && steady_clock::now() < gathered) changed_.WaitUntil(&mutex_, gathered);
  if (stopping_) return batch;
  for (auto& [key, host] : hosts_) {
    if (host.running || batch.size() >= kMaxHostsPerBatch) continue;
    host.running = true;
    batch.push_back(host.assignment);
  }
  return batch;
}

void Provisioner::ProvisionLoop() {
  while (true) {
    const std::vector<v1::Assignment> batch = NextBatch();
    if (!batch.empty()) ProvisionBatch(batch);
    MutexLock lock(&mutex_);
    if (stopping_) return;
  }
}

bool Provisioner::AnyWanted(const Progress& progress) {
  {
    MutexLock lock(&mutex_);
    if (stopping_) return false;
  }
  bool any = false;
  for (const auto& [name, host] : progress) {
    const LeaseKey& key = host.first;
    if (!Has(key)) continue;
    if (leases_.WaitValid(key, std::chrono::nanoseconds(0), milliseconds(0))) {
      any = true;
    } else {
      // Another may have it by now; if not, it can go on at once.
      End(key, Released());
    }
  }
  return any;
}

void Provisioner::ProvisionBatch(const std::vector<v1::Assignment>& batch) {
  const std::string title =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()) + " " +
      options_.worker + ": ansible-playbook for " + std::to_string(batch.size()) + " instances";
  LOG(INFO) << title;
  Progress progress;
  for (const v1::Assignment& host : batch) {
    // A new lease counts once it has been confirmed.
    leases_.WaitValid(KeyOf(host), std::chrono::nanoseconds(0), kConfirmation);
    progress.emplace(HostName(host.instance_id()), std::pair(KeyOf(host), HostProgress(title)));
  }
  const auto run = RunAnsible(
      options_.ansible, batch,
      [&](const Record& record) {
        const auto host = progress.find(record.host);
        if (host == progress.end()) return;
        auto result = host->second.second.Add(record);
        if (result.has_value()) End(host->second.first, *std::move(result));
      },
      [&] { return AnyWanted(progress); });
  {
    MutexLock lock(&mutex_);
    if (stopping_) return;  // The leases run out.
  }
  if (!run.ok()) LOG(ERROR) << "ansible-playbook: " << run.status();
  for (const auto& [name, host] : progress) {
    End(host.first, run.ok() ? host.second.AtRunEnd(run->how, run->output)
                             : host.second.AtRunEnd(std::string(run.status().message()), ""));
  }
}

}  // namespace longshore::provision
