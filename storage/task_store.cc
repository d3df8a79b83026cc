#include "storage/task_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/capacity_lock.h"
#include "storage/payload_log.h"
#include "storage/queries/queries.h"
#include "storage/rollout_store.h"
#include "storage/statistics.h"
#include "storage/webhook_store.h"

namespace longshore::storage {
namespace {

v1::Task ReadTask(const Row& row) {
  v1::Task task;
  task.set_id(row.Int("id"));
  task.set_type(EnumFromText<v1::TaskType>(row.Text("type")));
  task.set_status(EnumFromText<v1::TaskStatus>(row.Text("status")));
  task.set_attempt(static_cast<int32_t>(row.Int("attempt")));
  ReadTimestamp(row, "run_at", [&] { return task.mutable_run_at(); });
  task.set_depends_on(row.Int("depends_on"));
  task.set_payload_id(row.Int("payload_id"));
  task.set_instance_id(row.Int("instance_id"));
  task.set_worker(row.String("worker"));
  task.set_error(row.String("error"));
  task.set_traceparent(row.String("traceparent"));
  v1::TaskParams* params = task.mutable_params();
  params->set_payload_id(task.payload_id());
  params->set_instance_id(task.instance_id());
  params->set_original_path(row.String("original_path"));
  params->set_remote_path(row.String("remote_path"));
  params->set_execute_payload(row.Bool("execute_payload"));
  params->set_timeout(static_cast<int32_t>(row.Int("timeout")));
  ReadTimestamp(row, "claimed_at", [&] { return task.mutable_claimed_at(); });
  ReadTimestamp(row, "created_at", [&] { return task.mutable_created_at(); });
  ReadTimestamp(row, "updated_at", [&] { return task.mutable_updated_at(); });
  return task;
}

std::vector<LockedTask> ReadLockedTasks(const Result& result) {
  std::vector<LockedTask> tasks;
  for (const Row row : result) {
    tasks.push_back({.id = row.Int("id"),
                     .type = EnumFromText<v1::TaskType>(row.Text("type")),
                     .status = EnumFromText<v1::TaskStatus>(row.Text("status")),
                     .lease_epoch = row.Int("lease_epoch"),
                     .worker = row.String("worker"),
                     .payload_id = row.Int("payload_id"),
                     .instance_id = row.Int("instance_id"),
                     .project = row.String("project"),
                     .remote_path = row.String("remote_path"),
                     .timeout = static_cast<int>(row.Int("timeout")),
                     .executes = row.Bool("executes"),
                     .failures = static_cast<int>(row.Int("failures")),
                     .cancel_requested = row.Bool("cancel_requested"),
                     .recall_requested = row.Bool("recall_requested"),
                     .instance_terminating = row.Bool("instance_terminating"),
                     .maybe_started = row.Bool("maybe_started"),
                     .payload_status = EnumFromText<v1::PayloadStatus>(row.Text("payload_status")),
                     .error = row.String("error")});
  }
  return tasks;
}

v1::TaskStatus TaskStatusFor(v1::PayloadStatus status) {
  switch (status) {
    case v1::PAYLOAD_STATUS_TRANSFERRED:
    case v1::PAYLOAD_STATUS_COMPLETED:
      return v1::TASK_STATUS_COMPLETED;
    case v1::PAYLOAD_STATUS_CANCELLED:
      return v1::TASK_STATUS_CANCELLED;
    default:
      return v1::TASK_STATUS_FAILED;
  }
}

// What end_tasks.sql takes.
Params EndParams(const std::vector<TaskEnd>& ends, const OutputLimit& limit) {
  std::vector<int64_t> task_ids;
  std::vector<int64_t> payload_ids;
  std::vector<int64_t> instance_ids;
  std::vector<int64_t> output_bytes;
  std::vector<std::string> task_statuses;
  std::vector<std::string> statuses;
  std::vector<std::string> reasons;
  std::vector<std::string> errors;
  std::vector<std::string> leftovers;
  std::vector<bool> ends_payload;
  std::vector<bool> executed;
  std::vector<bool> missing;
  std::vector<std::optional<int64_t>> exit_codes;
  std::vector<std::optional<int64_t>> times;
  for (const TaskEnd& end : ends) {
    task_ids.push_back(end.task_id);
    task_statuses.push_back(EnumText(TaskStatusFor(end.status)));
    payload_ids.push_back(end.payload_id);
    instance_ids.push_back(end.instance_id);
    ends_payload.push_back(end.status != v1::PAYLOAD_STATUS_TRANSFERRED);
    statuses.push_back(EnumText(end.status));
    reasons.push_back(end.status == v1::PAYLOAD_STATUS_FAILED ? EnumText(end.failure_reason) : "");
    errors.push_back(end.error);
    executed.push_back(end.executed);
    exit_codes.push_back(end.exit_code);
    times.push_back(end.execution_time_us);
    output_bytes.push_back(end.output_bytes);
    missing.push_back(end.output_missing);
    const bool may_have_upload = end.status == v1::PAYLOAD_STATUS_CANCELLED ||
                                 end.failure_reason == v1::FAILURE_REASON_DELIVERY_TIMEOUT;
    leftovers.push_back(end.run_directory ? "run" : may_have_upload ? "upload" : "");
  }
  return Params()
      .Ints("task_ids", task_ids)
      .Texts("task_statuses", task_statuses)
      .Ints("payload_ids", payload_ids)
      .Ints("instance_ids", instance_ids)
      .Bools("ends_payload", ends_payload)
      .Texts("statuses", statuses)
      .Texts("failure_reasons", reasons)
      .Texts("errors", errors)
      .Bools("executed", executed)
      .OptionalInts("exit_codes", exit_codes)
      .OptionalInts("execution_times_us", times)
      .Ints("output_bytes", output_bytes)
      .Bools("output_missing", missing)
      .Texts("leftovers", leftovers)
      .Int("max_output_bytes", limit.total());
}

absl::Status TellWebhooks(Connection& connection, const std::vector<TaskEnd>& ends) {
  std::vector<int64_t> task_ids;
  task_ids.reserve(ends.size());
  for (const TaskEnd& end : ends) task_ids.push_back(end.task_id);
  return webhook_store::TellOfEnded(connection, task_ids);
}

}  // namespace

bool MayHaveStarted(const LockedTask& task) {
  return task.maybe_started || task.payload_status == v1::PAYLOAD_STATUS_EXECUTING;
}

Params LeaseParams(const std::vector<HeldLease>& leases) {
  std::vector<int64_t> task_ids;
  std::vector<int64_t> lease_epochs;
  std::vector<std::string> workers;
  for (const HeldLease& lease : leases) {
    task_ids.push_back(lease.task_id);
    lease_epochs.push_back(lease.lease_epoch);
    workers.push_back(lease.worker);
  }
  Params params;
  params.Ints("task_ids", task_ids).Ints("lease_epochs", lease_epochs).Texts("workers", workers);
  return params;
}

Params NewTaskParams(const NewTasks& tasks) {
  return Params()
      .Text("type", EnumText(tasks.type))
      .Int("delivery_timeout_seconds", tasks.delivery_timeout.count())
      .Ints("task_ids", tasks.ids)
      .Ints("payload_ids", tasks.payload_ids)
      .Ints("instance_ids", tasks.instance_ids)
      .Texts("remote_paths", tasks.remote_paths)
      .OptionalInts("depends_on", tasks.depends_on)
      .Text("traceparent", tasks.traceparent);
}

namespace task_store {

absl::StatusOr<std::vector<int64_t>> AllocateIds(Connection& connection, int64_t count) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kAllocateTaskIds, Params().Int("count", count)));
  return ReadIds(result);
}

absl::Status InsertBatch(Connection& connection, const NewTasks& tasks) {
  RETURN_IF_ERROR(PrepareToWrite(connection, tasks.ids.size()));
  RETURN_IF_ERROR(connection.Execute(queries::kInsertTasks, NewTaskParams(tasks)).status());
  return rollout_store::Begin(connection, tasks.ids);
}

absl::StatusOr<std::optional<v1::Task>> Get(Connection& connection, const Scope& scope,
                                            int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kGetTask, scope.AddTo(Params().Int("task_id", id))));
  if (result.rows() == 0) return std::nullopt;
  return ReadTask(result.first());
}

absl::StatusOr<std::vector<OpenTasks>> CountOpen(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kOpenTasks));
  std::vector<OpenTasks> open;
  open.reserve(result.rows());
  for (const Row row : result) {
    open.push_back({.type = EnumFromText<v1::TaskType>(row.String("type")),
                    .status = EnumFromText<v1::TaskStatus>(row.String("status")),
                    .tasks = row.Int("tasks"),
                    .overdue_seconds = row.Int("overdue_seconds")});
  }
  return open;
}

absl::StatusOr<std::vector<v1::Task>> List(Connection& connection, const Scope& scope,
                                           const TaskFilter& filter, Page page) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(
          queries::kListTasks,
          scope.AddTo(Params()
                          .Text("status", filter.status == 0 ? "" : EnumText(filter.status))
                          .Text("type", filter.type == 0 ? "" : EnumText(filter.type))
                          .Int("instance_id", filter.instance_id)
                          .Int("before_id", page.after)
                          .Int("limit", page.limit))));
  std::vector<v1::Task> tasks;
  for (const Row row : result) tasks.push_back(ReadTask(row));
  return tasks;
}

absl::StatusOr<std::vector<LockedTask>> Lock(Connection& connection,
                                             const std::vector<int64_t>& ids) {
  if (ids.empty()) return std::vector<LockedTask>();
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kLockTasks, Params().Ints("task_ids", ids)));
  return ReadLockedTasks(result);
}

absl::StatusOr<std::vector<LockedTask>> LockForPayloads(Connection& connection, const Scope& scope,
                                                        const std::vector<int64_t>& payload_ids) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kLockTasksOfPayloads,
                                      scope.AddTo(Params().Ints("payload_ids", payload_ids))));
  return ReadLockedTasks(result);
}

absl::Status RequestCancel(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection.Execute(queries::kRequestCancel, Params().Ints("task_ids", ids)).status();
}

absl::StatusOr<std::vector<StopRequest>> FindStopRequests(Connection& connection,
                                                          const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindStopRequests, Params().Ints("task_ids", ids)));
  std::vector<StopRequest> requests;
  for (const Row row : result) {
    requests.push_back({.task_id = row.Int("id"), .unless_started = row.Bool("unless_started")});
  }
  return requests;
}

absl::Status MarkMaybeStarted(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection.Execute(queries::kMarkMaybeStarted, Params().Ints("task_ids", ids)).status();
}

absl::Status Reschedule(Connection& connection, const std::vector<int64_t>& ids,
                        const std::vector<std::chrono::milliseconds>& delays,
                        const std::vector<std::string>& errors) {
  if (ids.empty()) return absl::OkStatus();
  std::vector<int64_t> milliseconds;
  milliseconds.reserve(delays.size());
  for (const auto& delay : delays) milliseconds.push_back(delay.count());
  return connection
      .Execute(queries::kRescheduleTasks, Params()
                                              .Ints("task_ids", ids)
                                              .Ints("delays_milliseconds", milliseconds)
                                              .Texts("errors", errors))
      .status();
}

absl::Status Release(Connection& connection, const std::vector<HeldLease>& leases) {
  if (leases.empty()) return absl::OkStatus();
  return connection.Execute(queries::kReleaseLeases, LeaseParams(leases)).status();
}

absl::Status StartRuns(Connection& connection, const std::vector<StartedRun>& runs,
                       const std::vector<int64_t>& task_ids, std::chrono::seconds delivery_timeout,
                       std::chrono::seconds grace) {
  if (runs.empty()) return absl::OkStatus();
  std::vector<int64_t> payload_ids;
  std::vector<std::string> remote_paths;
  for (const StartedRun& run : runs) {
    payload_ids.push_back(run.payload_id);
    remote_paths.push_back(run.remote_path);
  }
  ASSIGN_OR_RETURN(const Result started,
                   connection.Execute(queries::kStartRuns,
                                      Params()
                                          .Ints("payload_ids", payload_ids)
                                          .Texts("remote_paths", remote_paths)
                                          .Ints("task_ids", task_ids)
                                          .Int("delivery_timeout_seconds", delivery_timeout.count())
                                          .Int("grace_seconds", grace.count())));
  LogStarted(connection, started);
  return absl::OkStatus();
}

absl::Status WaitForOutput(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection.Execute(queries::kWaitForOutput, Params().Ints("task_ids", ids)).status();
}

absl::Status End(Connection& connection, const std::vector<TaskEnd>& ends, const OutputLimit& limit,
                 bool* freed) {
  if (ends.empty()) return absl::OkStatus();
  // A claim decides who has to wait for a place: it must not miss the place that becomes free here.
  RETURN_IF_ERROR(LockCapacity(connection));
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kEndTasks, EndParams(ends, limit)));
  LogEnded(connection, result);
  std::vector<int64_t> cut;
  for (const Row row : result) {
    if (row.Bool("cut")) cut.push_back(row.Int("id"));
  }
  if (!cut.empty()) RETURN_IF_ERROR(output_store::Trim(connection, cut, limit));
  std::vector<int64_t> failed_payloads;
  for (const TaskEnd& end : ends) {
    if (end.status == v1::PAYLOAD_STATUS_FAILED) failed_payloads.push_back(end.payload_id);
  }
  ASSIGN_OR_RETURN(const bool stopped,
                   rollout_store::StopAfterFailures(connection, failed_payloads));
  if (result.first().Bool("has_webhooks")) RETURN_IF_ERROR(TellWebhooks(connection, ends));
  if (freed != nullptr) *freed = *freed || stopped || result.first().Bool("freed");
  return absl::OkStatus();
}

}  // namespace task_store

}  // namespace longshore::storage
