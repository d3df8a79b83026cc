// The steps by which instances are created and terminated.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_STEPS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_STEPS_H_

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "api_server/domain/signals.h"
#include "api_server/providers/providers.h"
#include "common/policy.h"
#include "storage/database.h"
#include "storage/instance_store.h"
#include "storage/instance_task_store.h"
#include "storage/output_store.h"

namespace longshore::executor {

struct InstanceStepsOptions {
  // How long scripts on an instance may take to stop before the instance is deleted: TERM, KILL 5 s
  // later, and the time to report the end.
  std::chrono::milliseconds stop_grace{20000};
  int64_t max_output_bytes = policy::kMaxOutputBytes;
  // A file of OpenSSH public keys, one a line, that new machines let in. It is read for each
  // machine.
  std::string authorized_keys_file;
};

// Thread-safe. A step is a call to a provider between two transactions. The task's lease fences
// both, so another api_server can go on from there when this one dies.
class InstanceSteps {
 public:
  InstanceSteps(storage::Database* database, const providers::Providers* providers,
                domain::Signals* signals, InstanceStepsOptions options);

  // Does the next step of `task`, which the caller holds. Afterwards the task has ended or is due
  // again later. After an error, which is the database's, the task is due when its lease runs out.
  absl::Status DoNext(const storage::InstanceTask& task);

 private:
  using Machine = storage::instance_store::Machine;

  absl::Status Create(const storage::InstanceTask& task);
  absl::Status CreateMachine(const storage::InstanceTask& task, const Machine& wanted,
                             std::vector<std::string> authorized_keys);
  // Errors: FailedPrecondition, which says what the operator has to do.
  absl::StatusOr<std::vector<std::string>> AuthorizedKeys() const;
  // Returns true when the lease is lost and the instance has ended.
  absl::StatusOr<bool> IsLate(const storage::InstanceTask& task);
  absl::Status GiveUp(const storage::InstanceTask& task, const Machine& wanted,
                      const std::string& error);
  absl::Status Terminate(const storage::InstanceTask& task);
  absl::Status DeleteMachine(const storage::InstanceTask& task);
  // Ends the payloads of the instance that can be ended at once and asks the rest to stop. Sets
  // *stopped when none is left.
  absl::Status StopPayloads(storage::Connection& connection, const storage::InstanceTask& task,
                            std::vector<int64_t>* asked, std::vector<int64_t>* ended,
                            bool* stopped);
  absl::Status DeleteAtProvider(const Machine& machine) const;

  // Runs `body` in a transaction unless the lease is lost.
  absl::Status WhileHeld(const storage::InstanceTask& task,
                         const std::function<absl::Status(storage::Connection&)>& body);
  absl::Status Postpone(const storage::InstanceTask& task, std::chrono::milliseconds delay,
                        const std::string& why);
  absl::Status TryAgain(const storage::InstanceTask& task, const std::string& error);

  storage::Database& database_;
  const providers::Providers& providers_;
  domain::Signals& signals_;
  const InstanceStepsOptions options_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_INSTANCE_STEPS_H_
