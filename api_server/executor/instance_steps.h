// What the tasks of instances do: one step of one task at a time.
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
  // How long what runs on an instance may take to stop before the instance goes: TERM, 5 s, KILL,
  // and time to tell.
  std::chrono::milliseconds stop_grace{20000};
  int64_t max_output_bytes = policy::kMaxOutputBytes;
  // Whom new machines let in: a file of OpenSSH public key lines. Read for each machine.
  std::string authorized_keys_file;
};

// Thread-safe. A step is a provider's call between transactions that are fenced by the task's
// lease, so that whoever takes the task up after a death goes on where it stands.
class InstanceSteps {
 public:
  InstanceSteps(storage::Database* database, const providers::Providers* providers,
                domain::Signals* signals, InstanceStepsOptions options);

  // Does the next step of `task`, which is held: it is ended then, or due again later. After an
  // error, the database's, the lease decides.
  absl::Status DoNext(const storage::InstanceTask& task);

 private:
  using Machine = storage::InstanceStore::Machine;

  absl::Status Create(const storage::InstanceTask& task);
  absl::Status CreateMachine(const storage::InstanceTask& task, const Machine& wanted,
                             std::vector<std::string> authorized_keys);
  // Errors: FailedPrecondition, saying what the operator has to do.
  absl::StatusOr<std::vector<std::string>> AuthorizedKeys() const;
  // The lease is lost and the instance has ended.
  absl::StatusOr<bool> IsLate(const storage::InstanceTask& task);
  absl::Status GiveUp(const storage::InstanceTask& task, const Machine& wanted,
                      const std::string& error);
  absl::Status Terminate(const storage::InstanceTask& task);
  absl::Status DeleteMachine(const storage::InstanceTask& task);
  // Ends what can be ended on the instance and asks the rest to stop; *stopped when nothing is
  // left.
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
