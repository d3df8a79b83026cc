#include "api_server/executor/instance_task_executor.h"

#include <glog/logging.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "common/policy.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/lease_store.h"

namespace longshore::executor {
namespace {

using std::chrono::milliseconds;
using storage::Connection;
using storage::InstanceTask;
namespace instance_task_store = storage::instance_task_store;

constexpr int kThreads = 8;

}  // namespace

InstanceTaskExecutor::InstanceTaskExecutor(storage::Database* database,
                                           const providers::Providers* providers,
                                           InstanceSteps* steps,
                                           InstanceTaskExecutorOptions options)
    : database_(*database),
      providers_(*providers),
      steps_(*steps),
      options_(std::move(options)),
      queue_(kThreads),
      loop_("instance tasks", [this] { return Round(); }) {}

InstanceTaskExecutor::~InstanceTaskExecutor() { Shutdown(); }

void InstanceTaskExecutor::Shutdown() {
  loop_.Shutdown();
  queue_.Shutdown();
}

absl::StatusOr<milliseconds> InstanceTaskExecutor::Round() {
  if (!resumed_) RETURN_IF_ERROR(ResumeMachines());
  resumed_ = true;
  RETURN_IF_ERROR(RenewLeases());
  std::optional<milliseconds> next;
  const auto look = [&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(next, instance_task_store::NextDue(connection));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(database_.Run(look));
  if (next.has_value() && next->count() <= 0) {
    RETURN_IF_ERROR(ClaimTasks());
    RETURN_IF_ERROR(database_.Run(look));
  }
  const milliseconds renewal = options_.lease_duration / 3;
  MutexLock lock(&mutex_);
  // The end of a step is a signal.
  if (in_hand_.size() >= kThreads) return renewal;
  const milliseconds longest =
      in_hand_.empty() ? policy::kSafetyPoll : std::min(policy::kSafetyPoll, renewal);
  return std::clamp(next.value_or(longest), policy::kShortestWait, longest);
}

absl::Status InstanceTaskExecutor::ResumeMachines() {
  std::vector<storage::instance_store::MachineKey> machines;
  RETURN_IF_ERROR(database_.Run([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(machines, storage::instance_store::LiveMachines(connection));
    return absl::OkStatus();
  }));
  for (const auto& machine : machines) {
    const auto provider = providers_.find(machine.provider);
    if (provider == providers_.end()) continue;
    const absl::Status status = provider->second->Resume(machine.key);
    if (!status.ok()) LOG(WARNING) << "machine " << machine.key << ": " << status;
  }
  return absl::OkStatus();
}

absl::Status InstanceTaskExecutor::RenewLeases() {
  std::vector<storage::HeldLease> leases;
  {
    MutexLock lock(&mutex_);
    for (const auto& [task, epoch] : in_hand_) leases.push_back({task, epoch, options_.owner});
  }
  if (leases.empty()) return absl::OkStatus();
  return database_.Run([&](Connection& connection) {
    return storage::lease_store::Renew(connection, leases, options_.lease_duration).status();
  });
}

absl::Status InstanceTaskExecutor::ClaimTasks() {
  int room = 0;
  {
    MutexLock lock(&mutex_);
    room = kThreads - static_cast<int>(in_hand_.size());
  }
  if (room <= 0) return absl::OkStatus();
  std::vector<InstanceTask> tasks;
  RETURN_IF_ERROR(database_.Transact([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(tasks, instance_task_store::Claim(connection, options_.owner, room,
                                                       options_.lease_duration));
    return absl::OkStatus();
  }));
  for (const InstanceTask& task : tasks) {
    {
      MutexLock lock(&mutex_);
      in_hand_[task.id] = task.lease_epoch;
    }
    queue_.Add([this, task] { DoStep(task); });
  }
  return absl::OkStatus();
}

void InstanceTaskExecutor::DoStep(const InstanceTask& task) {
  // One that fails is reaped with its lease and tried again.
  const absl::Status status = steps_.DoNext(task);
  if (!status.ok()) LOG(WARNING) << "task " << task.id << ": " << status;
  {
    MutexLock lock(&mutex_);
    // Lost and claimed again meanwhile, it is another's to end.
    const auto place = in_hand_.find(task.id);
    if (place != in_hand_.end() && place->second == task.lease_epoch) in_hand_.erase(place);
  }
  loop_.Wake();
}

}  // namespace longshore::executor
