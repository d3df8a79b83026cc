#include "api_server/domain/task_ends.h"

#include <utility>

namespace longshore::domain {

using storage::LockedTask;
using storage::MayHaveStarted;
using storage::RefusedTask;
using storage::TaskEnd;

TaskEnd CancelledEnd(const LockedTask& task) {
  return {.task_id = task.id,
          .payload_id = task.payload_id,
          .instance_id = task.instance_id,
          .status = v1::PAYLOAD_STATUS_CANCELLED,
          .error = task.recall_requested && !task.cancel_requested
                       ? "the rollout was stopped before the script was started"
                       : "cancelled before the script was started"};
}

TaskEnd TerminatedEnd(const LockedTask& task) {
  return {.task_id = task.id,
          .payload_id = task.payload_id,
          .instance_id = task.instance_id,
          .status = v1::PAYLOAD_STATUS_FAILED,
          .failure_reason = v1::FAILURE_REASON_INSTANCE_TERMINATED,
          .error = "the instance was terminated",
          .executed = MayHaveStarted(task)};
}

TaskEnd InstanceFailedEnd(const LockedTask& task) {
  return {.task_id = task.id,
          .payload_id = task.payload_id,
          .instance_id = task.instance_id,
          .status = v1::PAYLOAD_STATUS_FAILED,
          .failure_reason = v1::FAILURE_REASON_DEPENDENCY_FAILED,
          .error = "the instance is FAILED"};
}

TaskEnd InternalEnd(const LockedTask& task, std::string error) {
  const bool started = MayHaveStarted(task);
  return {.task_id = task.id,
          .payload_id = task.payload_id,
          .instance_id = task.instance_id,
          .status = v1::PAYLOAD_STATUS_FAILED,
          .failure_reason = v1::FAILURE_REASON_INTERNAL,
          .error = std::move(error),
          .executed = started,
          .run_directory = started};
}

TaskEnd RefusedEnd(const RefusedTask& refused) {
  LockedTask task{
      .id = refused.task_id, .payload_id = refused.payload_id, .instance_id = refused.instance_id};
  switch (refused.reason) {
    case RefusedTask::Reason::kRolloutStopped:
      task.recall_requested = true;
      return CancelledEnd(task);
    case RefusedTask::Reason::kInstanceTerminated:
      return TerminatedEnd(task);
    case RefusedTask::Reason::kInstanceFailed:
      break;
  }
  return InstanceFailedEnd(task);
}

}  // namespace longshore::domain
