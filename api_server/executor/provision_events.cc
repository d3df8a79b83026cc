#include "api_server/executor/provision_events.h"

#include <string>

#include "api_server/executor/instance_end.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "storage/instance_task_store.h"
#include "storage/provision_store.h"

namespace longshore::executor {
namespace {

using storage::LockedTask;
namespace provision_store = storage::provision_store;

// Failed tries in a row after which no other is made: what Ansible cannot do thrice it cannot do.
constexpr int kMaxTries = 3;

}  // namespace

absl::Status ApplyProvisioned(storage::Connection& connection, const LockedTask& task,
                              const v1::Provisioned& provisioned, const BackoffOptions& backoff,
                              const OutputLimit& limit, std::vector<int64_t>* ended) {
  RETURN_IF_ERROR(provision_store::AppendLog(connection, task.id, ToValidUtf8(provisioned.log())));
  if (provisioned.ready()) return provision_store::Complete(connection, task);
  if (task.instance_terminating) {
    return storage::instance_task_store::End(connection, task.id, v1::TASK_STATUS_CANCELLED,
                                             "the instance is terminated");
  }
  const std::string error = ToValidUtf8(provisioned.error());
  ASSIGN_OR_RETURN(const bool in_time, provision_store::InTime(connection, task));
  const int tries = task.failures + 1;
  if (provisioned.retry() && in_time && (provisioned.unreachable() || tries < kMaxTries)) {
    return provision_store::TryAgain(connection, task,
                                     BackoffDelay(backoff, tries, UniformRandom()), error);
  }
  return FailInstance(connection, task.id, task.instance_id, error, limit, ended);
}

}  // namespace longshore::executor
