#include "api_server/executor/event_batch.h"

#include <glog/logging.h>

#include "api_server/domain/task_ends.h"
#include "api_server/executor/event_rules.h"
#include "common/log_fields.h"
#include "common/path_rules.h"
#include "common/payload_status.h"
#include "common/status.h"
#include "common/status_macros.h"
#include "common/utf8.h"

namespace longshore::executor {
namespace {

using storage::LockedTask;
using storage::TaskEnd;

bool HasEnded(v1::TaskStatus status) {
  return status == v1::TASK_STATUS_COMPLETED || status == v1::TASK_STATUS_FAILED ||
         status == v1::TASK_STATUS_CANCELLED;
}

TaskEnd MakeEnd(const LockedTask& task, const v1::Finished& finished) {
  TaskEnd end{.task_id = task.id,
              .payload_id = task.payload_id,
              .instance_id = task.instance_id,
              .status = finished.status(),
              .failure_reason = finished.failure_reason(),
              .error = ToValidUtf8(finished.error()),
              .executed = finished.executed(),
              .output_bytes = finished.output_bytes(),
              .output_missing = finished.output_missing(),
              .run_directory = finished.run_directory()};
  // A worker does not know why it was asked to stop.
  if (finished.status() == v1::PAYLOAD_STATUS_CANCELLED) {
    if (task.instance_terminating) {
      const TaskEnd terminated = domain::TerminatedEnd(task);
      end.status = terminated.status;
      end.failure_reason = terminated.failure_reason;
      end.error = terminated.error;
    } else if (!finished.executed()) {
      end.error = domain::CancelledEnd(task).error;
    }
  }
  if (finished.has_exit_code()) end.exit_code = finished.exit_code();
  if (finished.has_execution_time()) end.execution_time_us = ExecutionTimeUs(finished);
  return end;
}

// A try that failed for a task that nobody wants any more ends it instead.
bool EndsInsteadOfRetry(const LockedTask& task) {
  return IsTerminal(task.payload_status) ||
         ((task.cancel_requested || task.recall_requested || task.instance_terminating) &&
          !MayHaveStarted(task));
}

std::string RefusedError(const std::string& worker, const std::string& problem) {
  return "what worker '" + worker + "' reported was refused: " + problem;
}

// Sent again because the acknowledgement was lost: what it says has been written.
bool IsRepeat(const ReportedEvent& reported, const LockedTask& task) {
  const v1::TaskEvent& event = *reported.event;
  if (task.lease_epoch != event.lease_epoch() || task.worker != reported.worker) return false;
  return HasEnded(task.status) || event.has_retry() || event.has_released() ||
         event.has_provisioned();
}

// `path`, which a worker says the script is at, is that which was asked for.
bool IsPathOf(const std::string& path, const LockedTask& task) {
  const std::string& wanted = task.remote_path;
  if (wanted.substr(0, 2) != "~/") return path == wanted;
  const std::string end = wanted.substr(1);
  return PathProblem(path).empty() && path.size() > end.size() &&
         path.compare(path.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

EventBatchBuilder::EventBatchBuilder(const std::vector<LockedTask>& tasks,
                                     const ApplierOptions& options, ApplyOutcome* outcome)
    : options_(options), outcome_(*outcome) {
  for (const LockedTask& task : tasks) tasks_.emplace(task.id, task);
}

LockedTask* EventBatchBuilder::Held(const ReportedEvent& reported) {
  const auto found = tasks_.find(reported.event->task_id());
  if (found == tasks_.end()) return nullptr;
  LockedTask& task = found->second;
  const bool held = task.status == v1::TASK_STATUS_RUNNING &&
                    task.lease_epoch == reported.event->lease_epoch() &&
                    task.worker == reported.worker;
  return held ? &task : nullptr;
}

absl::Status EventBatchBuilder::CheckAgainst(const v1::TaskEvent& event,
                                             const LockedTask& task) const {
  RETURN_IF_ERROR(CheckEvent(event, OutputLimit(options_.max_output_bytes).head));
  const bool of_any = event.has_host_key_seen() || event.has_released();
  const bool of_instance = event.has_provisioned();
  if (!of_any && of_instance != (task.type == v1::TASK_TYPE_PROVISION_INSTANCE)) {
    return absl::InvalidArgumentError("it does not go with the type of the task");
  }
  if (event.has_transferred() && !IsPathOf(event.transferred().remote_path(), task)) {
    return absl::InvalidArgumentError("the script is said to be at another remote_path");
  }
  const bool tells_of_a_run =
      event.has_executing() || event.has_output() || event.finished().executed();
  if (tells_of_a_run && !task.executes) {
    return absl::InvalidArgumentError("it reports a run that nobody asked for");
  }
  if (event.finished().status() == v1::PAYLOAD_STATUS_TRANSFERRED &&
      (task.executes || task.payload_status != v1::PAYLOAD_STATUS_TRANSFERRED)) {
    return absl::InvalidArgumentError("TRANSFERRED is not how this task ends");
  }
  return absl::OkStatus();
}

void EventBatchBuilder::Refuse(const ReportedEvent& reported, const std::string& problem) {
  LockedTask* task = Held(reported);
  outcome_.lost.insert(reported.lease());
  if (task == nullptr) return;
  const LogFields about{{"worker", reported.worker}, {"task_id", task->id}};
  LOG(ERROR) << "worker '" << reported.worker << "', task " << task->id
             << ": its report was refused: " << problem;
  if (task->payload_id != 0) {
    outcome_.changed_payloads.insert(task->payload_id);
    return End(*task, domain::InternalEnd(*task, RefusedError(reported.worker, problem)));
  }
  v1::Provisioned again;
  again.set_retry(true);
  again.set_error(RefusedError(reported.worker, problem));
  AddProvisioned(*task, std::move(again));
}

void EventBatchBuilder::Add(const ReportedEvent& reported) {
  const v1::TaskEvent& event = *reported.event;
  if (event.has_cleaned()) {
    batch_.cleaned.push_back(reported.cleaned_run());
    return;
  }
  if (LockedTask* task = Held(reported); task != nullptr) {
    const absl::Status fits = CheckAgainst(event, *task);
    return fits.ok() ? AddHeld(reported, *task) : Refuse(reported, ToString(fits));
  }
  const auto found = tasks_.find(event.task_id());
  if (found == tasks_.end() || !IsRepeat(reported, found->second)) {
    outcome_.lost.insert(reported.lease());
  }
}

void EventBatchBuilder::AddHeld(const ReportedEvent& reported, LockedTask& task) {
  const v1::TaskEvent& event = *reported.event;
  switch (event.kind_case()) {
    case v1::TaskEvent::kHostKeySeen:
      batch_.host_keys.emplace_back(reported.lease(), event.host_key_seen().host_key());
      batch_.host_key_instances[task.id] = task.instance_id;
      return;
    case v1::TaskEvent::kTransferred:
      batch_.transferred[task.payload_id] = event.transferred().remote_path();
      if (task.remote_path.substr(0, 2) == "~/") {
        batch_.homes[task.payload_id] = event.transferred().remote_path();
      }
      if (task.payload_status == v1::PAYLOAD_STATUS_PENDING) {
        task.payload_status = v1::PAYLOAD_STATUS_TRANSFERRED;
      }
      break;
    case v1::TaskEvent::kExecuting:
      if (auto arrived = batch_.transferred.extract(task.payload_id); !arrived.empty()) {
        batch_.executing.insert(std::move(arrived));
      } else {
        batch_.executing.emplace(task.payload_id, "");
      }
      (event.executing().ended() ? batch_.script_ended_tasks : batch_.executing_tasks)
          .push_back(task.id);
      if (!IsTerminal(task.payload_status)) task.payload_status = v1::PAYLOAD_STATUS_EXECUTING;
      break;
    case v1::TaskEvent::kOutput:
      batch_.output.push_back({.payload_id = task.payload_id,
                               .offset = event.output().offset(),
                               .data = event.output().data(),
                               .lease_epoch = task.lease_epoch});
      break;
    case v1::TaskEvent::kFinished:
      End(task, MakeEnd(task, event.finished()));
      break;
    case v1::TaskEvent::kRetry:
      AddRetry(event.retry(), task);
      break;
    case v1::TaskEvent::kReleased:
      batch_.released.push_back(reported.lease());
      task.status = v1::TASK_STATUS_PENDING;
      outcome_.tasks_freed = true;
      if (task.payload_id == 0) return;
      break;
    case v1::TaskEvent::kProvisioned:
      return AddProvisioned(task, event.provisioned());
    default:
      return;
  }
  outcome_.changed_payloads.insert(task.payload_id);
}

void EventBatchBuilder::AddProvisioned(LockedTask& task, v1::Provisioned provisioned) {
  batch_.provisioned.emplace_back(task, std::move(provisioned));
  outcome_.instances_changed = true;
  task.status = v1::TASK_STATUS_COMPLETED;
  outcome_.tasks_freed = true;
}

void EventBatchBuilder::AddRetry(const v1::Retry& retry, LockedTask& task) {
  if (retry.maybe_started()) {
    task.maybe_started = true;
    batch_.maybe_started.push_back(task.id);
  }
  if (EndsInsteadOfRetry(task)) {
    End(task, task.instance_terminating ? domain::TerminatedEnd(task) : domain::CancelledEnd(task));
    return;
  }
  batch_.retries.push_back(task.id);
  batch_.retry_delays.push_back(
      BackoffDelay(options_.retry_backoff, task.failures + 1, UniformRandom()));
  batch_.retry_errors.push_back(ToValidUtf8(retry.error()));
  task.status = v1::TASK_STATUS_PENDING;
  outcome_.tasks_freed = true;
}

void EventBatchBuilder::End(LockedTask& task, TaskEnd end) {
  batch_.ends.push_back(std::move(end));
  task.status = v1::TASK_STATUS_COMPLETED;  // No further event of the batch is for it.
  outcome_.tasks_ended = true;
}

}  // namespace longshore::executor
