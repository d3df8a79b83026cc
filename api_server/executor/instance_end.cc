#include "api_server/executor/instance_end.h"

#include <glog/logging.h>

#include "api_server/domain/task_ends.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/payload_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

namespace task_store = storage::task_store;

absl::Status FailInstance(storage::Connection& connection, int64_t task_id, int64_t instance_id,
                          const std::string& error, const OutputLimit& limit,
                          std::vector<int64_t>* ended) {
  // Payloads come and go under this lock only (instance_store::LockTargets).
  RETURN_IF_ERROR(storage::instance_store::MarkFailed(connection, instance_id, error));
  ASSIGN_OR_RETURN(const auto open,
                   storage::payload_store::OpenOfInstance(connection, instance_id));
  ASSIGN_OR_RETURN(const auto locked,
                   task_store::LockForPayloads(connection, storage::Scope::Everything(), open));
  std::vector<storage::TaskEnd> ends;
  for (const storage::LockedTask& task : locked) {
    if (task.status != v1::TASK_STATUS_PENDING) continue;
    ends.push_back(domain::InstanceFailedEnd(task));
    ended->push_back(task.payload_id);
  }
  RETURN_IF_ERROR(task_store::End(connection, ends, limit));
  LOG(WARNING) << "instance " << instance_id << " is FAILED: " << error;
  return storage::instance_task_store::End(connection, task_id, v1::TASK_STATUS_FAILED, error);
}

}  // namespace longshore::executor
