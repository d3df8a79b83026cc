#include "api_server/executor/event_applier.h"

#include <utility>

#include "api_server/executor/event_batch.h"
#include "api_server/executor/provision_events.h"
#include "api_server/executor/run_reports.h"
#include "common/status_macros.h"
#include "storage/instance_store.h"
#include "storage/payload_store.h"
#include "storage/runs/run_reports.h"

namespace longshore::executor {

using storage::Connection;
using storage::LockedTask;
namespace payload_store = storage::payload_store;
namespace task_store = storage::task_store;

EventApplier::EventApplier(storage::Database* database, ApplierOptions options)
    : database_(*database), options_(options) {}

absl::Status EventApplier::Apply(const std::vector<ReportedEvent>& events, ApplyOutcome* outcome) {
  ApplyOutcome reported;
  ASSIGN_OR_RETURN(const bool complete, ApplyReports(events, &reported));
  if (complete) {
    *outcome = std::move(reported);
    return absl::OkStatus();
  }
  const absl::Status status = database_.Transact([&](Connection& connection) {
    *outcome = {};
    return ApplyIn(connection, events, /*problem=*/"", outcome);
  });
  if (!status.ok()) *outcome = {};
  // Some of them may have been stored before.
  outcome->changed_payloads.merge(reported.changed_payloads);
  outcome->tasks_ended |= reported.tasks_ended;
  outcome->tasks_freed |= reported.tasks_freed;
  return status;
}

absl::StatusOr<bool> EventApplier::ApplyReports(const std::vector<ReportedEvent>& events,
                                                ApplyOutcome* outcome) {
  const OutputLimit limit(options_.max_output_bytes);
  const auto reports = ReadRunReports(events, limit);
  if (!reports.has_value()) return false;
  storage::StoredReports stored;
  RETURN_IF_ERROR(database_.TransactAtOnce([&](Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(stored,
                     storage::StoreRunReports(connection, *reports,
                                              {.limit = limit,
                                               .delivery_timeout = options_.delivery_timeout,
                                               .grace = options_.execution_grace},
                                              has_webhooks_));
    return absl::OkStatus();
  }));
  has_webhooks_ = stored.has_webhooks;
  outcome->tasks_ended = !reports->completions.empty() && !stored.payloads.empty();
  outcome->tasks_freed = stored.freed;
  outcome->changed_payloads = std::move(stored.payloads);
  return stored.complete;
}

absl::Status EventApplier::Refuse(const ReportedEvent& event, const std::string& problem,
                                  ApplyOutcome* outcome) {
  return database_.Transact([&](Connection& connection) {
    *outcome = {};
    return ApplyIn(connection, {event}, problem, outcome);
  });
}

absl::Status EventApplier::ApplyIn(Connection& connection, const std::vector<ReportedEvent>& events,
                                   const std::string& problem, ApplyOutcome* outcome) {
  const OutputLimit limit(options_.max_output_bytes);
  std::set<int64_t> task_ids;
  for (const ReportedEvent& reported : events) {
    if (reported.event->task_id() > 0 && !reported.event->has_cleaned()) {
      task_ids.insert(reported.event->task_id());
    }
  }
  std::vector<LockedTask> tasks;
  if (!task_ids.empty()) {
    ASSIGN_OR_RETURN(tasks, task_store::Lock(connection, {task_ids.begin(), task_ids.end()}));
  }
  EventBatchBuilder builder(tasks, options_, outcome);
  for (const ReportedEvent& reported : events) {
    problem.empty() ? builder.Add(reported) : builder.Refuse(reported, problem);
  }
  const EventBatch& batch = builder.batch();
  for (const auto& [lease, host_key] : batch.host_keys) {
    ASSIGN_OR_RETURN(outcome->host_keys[lease],
                     storage::instance_store::PinHostKey(
                         connection, batch.host_key_instances.at(lease.task_id), host_key));
  }
  // In the order of a payload's life, so that one batch may carry all of it.
  RETURN_IF_ERROR(payload_store::LearnHomes(connection, batch.homes));
  RETURN_IF_ERROR(payload_store::MarkTransferred(connection, batch.transferred));
  std::vector<storage::StartedRun> runs;
  for (const auto& [payload_id, path] : batch.executing) runs.push_back({payload_id, path});
  RETURN_IF_ERROR(task_store::StartRuns(connection, runs, batch.executing_tasks,
                                        options_.delivery_timeout, options_.execution_grace));
  RETURN_IF_ERROR(task_store::WaitForOutput(connection, batch.script_ended_tasks));
  RETURN_IF_ERROR(storage::output_store::Append(connection, batch.output, limit));
  RETURN_IF_ERROR(task_store::End(connection, batch.ends, limit, &outcome->tasks_freed));
  RETURN_IF_ERROR(task_store::MarkMaybeStarted(connection, batch.maybe_started));
  RETURN_IF_ERROR(
      task_store::Reschedule(connection, batch.retries, batch.retry_delays, batch.retry_errors));
  RETURN_IF_ERROR(task_store::Release(connection, batch.released));
  std::vector<int64_t> ended;
  for (const auto& [task, provisioned] : batch.provisioned) {
    RETURN_IF_ERROR(
        ApplyProvisioned(connection, task, provisioned, options_.retry_backoff, limit, &ended));
  }
  outcome->changed_payloads.insert(ended.begin(), ended.end());
  return storage::lease_store::DeleteCleanups(connection, batch.cleaned);
}

}  // namespace longshore::executor
