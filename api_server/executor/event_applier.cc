#include "api_server/executor/event_applier.h"

#include <optional>

#include "api_server/executor/provision_events.h"
#include "common/payload_status.h"
#include "common/status_macros.h"
#include "common/utf8.h"
#include "storage/instance_store.h"
#include "storage/lease_store.h"
#include "storage/payload_store.h"

namespace longshore::executor {
namespace {

using storage::Connection;
using storage::LockedTask;
using storage::PayloadStore;
using storage::TaskEnd;
using storage::TaskStore;

bool HasEnded(v1::TaskStatus status) {
  return status == v1::TASK_STATUS_COMPLETED || status == v1::TASK_STATUS_FAILED ||
         status == v1::TASK_STATUS_CANCELLED;
}

// A batch sorted by what is written.
struct Batch {
  std::vector<int64_t> transferred;
  std::vector<std::string> transferred_paths;
  std::vector<int64_t> executing;
  std::vector<int64_t> executing_tasks;
  std::vector<storage::OutputChunk> output;
  std::vector<TaskEnd> ends;
  std::vector<int64_t> maybe_started;
  std::vector<int64_t> retries;
  std::vector<std::chrono::milliseconds> retry_delays;
  std::vector<std::string> retry_errors;
  std::vector<int64_t> released;
  std::vector<std::pair<LockedTask, const v1::Provisioned*>> provisioned;
  std::vector<int64_t> cleaned_payloads;
  std::vector<int64_t> cleaned_attempts;
};

TaskEnd MakeEnd(const LockedTask& task, const v1::Finished& finished) {
  TaskEnd end{.task_id = task.id,
              .payload_id = task.payload_id,
              .instance_id = task.instance_id,
              .status = finished.status(),
              .failure_reason = finished.failure_reason(),
              .error = ToValidUtf8(finished.error()),
              .executed = finished.executed(),
              .output_bytes = finished.output_bytes(),
              .run_directory = finished.run_directory()};
  // A worker does not know why it was asked to stop.
  if (finished.status() == v1::PAYLOAD_STATUS_CANCELLED) {
    if (task.instance_terminating) {
      const TaskEnd terminated = TerminatedEnd(task);
      end.status = terminated.status;
      end.failure_reason = terminated.failure_reason;
      end.error = terminated.error;
    } else if (!finished.executed()) {
      end.error = CancelledEnd(task).error;
    }
  }
  if (finished.has_exit_code()) end.exit_code = finished.exit_code();
  if (finished.has_execution_time()) {
    end.execution_time_us =
        finished.execution_time().seconds() * 1000000 + finished.execution_time().nanos() / 1000;
  }
  return end;
}

// A try that failed for a task that nobody wants any more ends it instead.
bool EndsInsteadOfRetry(const LockedTask& task) {
  return IsTerminal(task.payload_status) ||
         ((task.cancel_requested || task.recall_requested || task.instance_terminating) &&
          !MayHaveStarted(task));
}

class BatchBuilder {
 public:
  BatchBuilder(const std::vector<LockedTask>& tasks, const ApplierOptions& options,
               ApplyOutcome* outcome)
      : options_(options), outcome_(*outcome) {
    for (const LockedTask& task : tasks) tasks_.emplace(task.id, task);
  }

  void Add(const v1::TaskEvent& event) {
    if (event.kind_case() == v1::TaskEvent::kCleaned) {
      batch_.cleaned_payloads.push_back(event.cleaned().payload_id());
      batch_.cleaned_attempts.push_back(event.cleaned().attempt());
      return;
    }
    const auto found = tasks_.find(event.task_id());
    const bool held = found != tasks_.end() && found->second.status == v1::TASK_STATUS_RUNNING &&
                      found->second.lease_epoch == event.lease_epoch();
    if (held && IsForItsKind(event, found->second)) {
      AddHeld(event, found->second);
    } else if (found == tasks_.end() || !IsRepeat(event, found->second)) {
      outcome_.lost.emplace(event.task_id(), event.lease_epoch());
    }
  }

  const Batch& batch() const { return batch_; }
  const std::vector<std::pair<const v1::TaskEvent*, int64_t>>& host_keys() const {
    return host_keys_;
  }

 private:
  // Sent again because the acknowledgement was lost: what it says has been written.
  static bool IsRepeat(const v1::TaskEvent& event, const LockedTask& task) {
    if (task.lease_epoch != event.lease_epoch()) return false;
    return HasEnded(task.status) || event.has_retry() || event.has_released() ||
           event.has_provisioned();
  }

  // A worker at fault must not say of an instance what belongs to a payload, or the reverse.
  static bool IsForItsKind(const v1::TaskEvent& event, const LockedTask& task) {
    switch (event.kind_case()) {
      case v1::TaskEvent::kHostKeySeen:
      case v1::TaskEvent::kReleased:
        return true;
      default:
        return event.has_provisioned() ? task.type == v1::TASK_TYPE_PROVISION_INSTANCE
                                       : task.payload_id != 0;
    }
  }

  void AddHeld(const v1::TaskEvent& event, LockedTask& task) {
    switch (event.kind_case()) {
      case v1::TaskEvent::kHostKeySeen:
        host_keys_.emplace_back(&event, task.instance_id);
        return;
      case v1::TaskEvent::kTransferred:
        batch_.transferred.push_back(task.payload_id);
        batch_.transferred_paths.push_back(ToValidUtf8(event.transferred().remote_path()));
        break;
      case v1::TaskEvent::kExecuting:
        batch_.executing.push_back(task.payload_id);
        batch_.executing_tasks.push_back(task.id);
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
        batch_.released.push_back(task.id);
        task.status = v1::TASK_STATUS_PENDING;
        outcome_.tasks_freed = true;
        if (task.payload_id == 0) return;
        break;
      case v1::TaskEvent::kProvisioned:
        batch_.provisioned.emplace_back(task, &event.provisioned());
        task.status = v1::TASK_STATUS_COMPLETED;
        outcome_.tasks_freed = true;
        return;
      default:
        return;
    }
    outcome_.changed_payloads.insert(task.payload_id);
  }

  void AddRetry(const v1::Retry& retry, LockedTask& task) {
    if (retry.maybe_started()) {
      task.maybe_started = true;
      batch_.maybe_started.push_back(task.id);
    }
    if (EndsInsteadOfRetry(task)) {
      End(task, task.instance_terminating ? TerminatedEnd(task) : CancelledEnd(task));
      return;
    }
    batch_.retries.push_back(task.id);
    batch_.retry_delays.push_back(
        BackoffDelay(options_.retry_backoff, task.failures + 1, UniformRandom()));
    batch_.retry_errors.push_back(ToValidUtf8(retry.error()));
    task.status = v1::TASK_STATUS_PENDING;
    outcome_.tasks_freed = true;
  }

  void End(LockedTask& task, TaskEnd end) {
    batch_.ends.push_back(std::move(end));
    task.status = v1::TASK_STATUS_COMPLETED;  // No further event of the batch is for it.
    outcome_.tasks_freed = true;
  }

  const ApplierOptions& options_;
  ApplyOutcome& outcome_;
  std::map<int64_t, LockedTask> tasks_;
  std::vector<std::pair<const v1::TaskEvent*, int64_t>> host_keys_;
  Batch batch_;
};

}  // namespace

EventApplier::EventApplier(storage::Database* database, ApplierOptions options)
    : database_(*database), options_(options) {}

absl::Status EventApplier::Apply(const std::vector<const v1::TaskEvent*>& events,
                                 ApplyOutcome* outcome) {
  return database_.Transact([&](Connection& connection) {
    *outcome = {};
    return ApplyIn(connection, events, outcome);
  });
}

absl::Status EventApplier::ApplyIn(Connection& connection,
                                   const std::vector<const v1::TaskEvent*>& events,
                                   ApplyOutcome* outcome) {
  const storage::OutputLimit limit(options_.max_output_bytes);
  std::set<int64_t> task_ids;
  for (const v1::TaskEvent* event : events) {
    if (event->task_id() > 0) task_ids.insert(event->task_id());
  }
  std::vector<LockedTask> tasks;
  if (!task_ids.empty()) {
    ASSIGN_OR_RETURN(tasks, TaskStore::Lock(connection, {task_ids.begin(), task_ids.end()}));
  }
  BatchBuilder builder(tasks, options_, outcome);
  for (const v1::TaskEvent* event : events) builder.Add(*event);
  const Batch& batch = builder.batch();
  for (const auto& [event, instance_id] : builder.host_keys()) {
    ASSIGN_OR_RETURN(outcome->host_keys[std::pair(event->task_id(), event->lease_epoch())],
                     storage::InstanceStore::PinHostKey(connection, instance_id,
                                                        event->host_key_seen().host_key()));
  }
  // In the order of a payload's life, so that one batch may carry all of it.
  RETURN_IF_ERROR(
      PayloadStore::MarkTransferred(connection, batch.transferred, batch.transferred_paths));
  RETURN_IF_ERROR(PayloadStore::MarkExecuting(connection, batch.executing));
  RETURN_IF_ERROR(
      TaskStore::ExtendForRun(connection, batch.executing_tasks, options_.delivery_timeout));
  RETURN_IF_ERROR(storage::OutputStore::Append(connection, batch.output, limit));
  RETURN_IF_ERROR(TaskStore::End(connection, batch.ends, limit));
  RETURN_IF_ERROR(TaskStore::MarkMaybeStarted(connection, batch.maybe_started));
  RETURN_IF_ERROR(
      TaskStore::Reschedule(connection, batch.retries, batch.retry_delays, batch.retry_errors));
  RETURN_IF_ERROR(TaskStore::Release(connection, batch.released));
  std::vector<int64_t> ended;
  for (const auto& [task, provisioned] : batch.provisioned) {
    RETURN_IF_ERROR(
        ApplyProvisioned(connection, task, *provisioned, options_.retry_backoff, limit, &ended));
  }
  outcome->changed_payloads.insert(ended.begin(), ended.end());
  return storage::LeaseStore::DeleteCleanups(connection, batch.cleaned_payloads,
                                             batch.cleaned_attempts);
}

}  // namespace longshore::executor
