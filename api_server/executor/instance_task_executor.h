// Carries out the tasks of instances that the api_server does itself, without a worker.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_TASK_EXECUTOR_H_
#define LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_TASK_EXECUTOR_H_

#include <chrono>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/executor/instance_steps.h"
#include "api_server/executor/round_loop.h"
#include "common/mutex.h"
#include "common/policy.h"
#include "common/work_queue.h"
#include "storage/database.h"
#include "storage/instance_task_store.h"

namespace longshore::executor {

struct InstanceTaskExecutorOptions {
  std::string owner;  // The name of this process, stored as the worker of its tasks.
  std::chrono::milliseconds lease_duration = policy::kLeaseDuration;
};

// Thread-safe. One thread claims tasks and renews their leases; a few others do the steps.
class InstanceTaskExecutor {
 public:
  InstanceTaskExecutor(storage::Database* database, const providers::Providers* providers,
                       InstanceSteps* steps, InstanceTaskExecutorOptions options);
  ~InstanceTaskExecutor();

  void Wake() { loop_.Wake(); }
  // Waits for the steps under way.
  void Shutdown();

 private:
  absl::StatusOr<std::chrono::milliseconds> Round() ABSL_LOCKS_EXCLUDED(mutex_);
  // Starts the machines again that stopped with this host, however the last process ended.
  absl::Status ResumeMachines();
  absl::Status RenewLeases() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ClaimTasks() ABSL_LOCKS_EXCLUDED(mutex_);
  void DoStep(const storage::InstanceTask& task) ABSL_LOCKS_EXCLUDED(mutex_);

  storage::Database& database_;
  const providers::Providers& providers_;
  InstanceSteps& steps_;
  const InstanceTaskExecutorOptions options_;
  bool resumed_ = false;  // Used by the loop's thread alone.
  Mutex mutex_;
  // The tasks whose steps are under way, with the lease_epoch of each.
  std::map<int64_t, int64_t> in_hand_ ABSL_GUARDED_BY(mutex_);
  WorkQueue queue_;
  RoundLoop loop_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_TASK_EXECUTOR_H_
