// Carries out the tasks of instances: what api_server itself does, not a worker.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_RUNNER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_RUNNER_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "api_server/executor/round_loop.h"
#include "storage/database.h"
#include "storage/instance_task_store.h"
#include "storage/output_store.h"

namespace longshore::executor {

struct InstanceRunnerOptions {
  std::string owner;  // Named as the worker of its tasks.
  std::chrono::milliseconds lease_duration{10000};
  // How long what runs on an instance may take to stop before the instance goes: TERM, 5 s, KILL,
  // and time to tell.
  std::chrono::milliseconds stop_grace{20000};
  int64_t max_output_bytes = 1048576;
};

// Thread-safe; one thread of its own. Each step is a transaction fenced by the task's lease, so
// that whoever takes it up after a death goes on where it stands.
class InstanceRunner {
 public:
  InstanceRunner(storage::Database* database, domain::Signals* signals,
                 InstanceRunnerOptions options);

  void Wake() { loop_.Wake(); }
  void Shutdown() { loop_.Shutdown(); }

 private:
  absl::StatusOr<std::chrono::milliseconds> Round();
  absl::Status RunOne(const storage::InstanceTask& task);
  // Ends what can be ended on the instance, asks the rest to stop, and ends the instance when
  // nothing runs on it any more, or the grace is over.
  absl::Status Terminate(storage::Connection& connection, const storage::InstanceTask& task,
                         std::vector<int64_t>* asked, std::vector<int64_t>* ended);

  storage::Database& database_;
  domain::Signals& signals_;
  const InstanceRunnerOptions options_;
  RoundLoop loop_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_RUNNER_H_
