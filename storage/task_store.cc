#include "storage/task_store.h"

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/rollout_store.h"

namespace longshore::storage {
namespace {

#define TASK_SELECT \
  "SELECT t.id, t.type, t.status, t.attempt, " LONGSHORE_MICROS("t.run_at") ", t.depends_on," \
  " t.payload_id, t.instance_id, t.worker, t.error, d.original_path,"                         \
  " coalesce(p.remote_path, t.remote_path), coalesce(p.execute_payload OR"                    \
  " t.type = 'PAYLOAD_EXECUTE', false), p.timeout, " LONGSHORE_MICROS("t.created_at") ","     \
  " " LONGSHORE_MICROS("t.updated_at") " FROM tasks t"                                        \
  " LEFT JOIN payloads p ON p.id = t.payload_id"                                              \
  " LEFT JOIN deployments d ON d.id = p.deployment_id "

v1::Task ReadTask(const Result& result, int row) {
  v1::Task task;
  int column = 0;
  const auto number = [&] { return result.Int(row, column++); };
  const auto text = [&] { return std::string(result.Text(row, column++)); };
  task.set_id(number());
  task.set_type(EnumFromText<v1::TaskType>(text()));
  task.set_status(EnumFromText<v1::TaskStatus>(text()));
  task.set_attempt(static_cast<int32_t>(number()));
  ReadTimestamp(result, row, column++, [&] { return task.mutable_run_at(); });
  task.set_depends_on(number());
  task.set_payload_id(number());
  task.set_instance_id(number());
  task.set_worker(text());
  task.set_error(text());
  v1::TaskParams* params = task.mutable_params();
  params->set_payload_id(task.payload_id());
  params->set_instance_id(task.instance_id());
  params->set_original_path(text());
  params->set_remote_path(text());
  params->set_execute_payload(result.Bool(row, column++));
  params->set_timeout(static_cast<int32_t>(number()));
  ReadTimestamp(result, row, column++, [&] { return task.mutable_created_at(); });
  ReadTimestamp(result, row, column++, [&] { return task.mutable_updated_at(); });
  return task;
}

#define LOCKED_TASK_SELECT                                                                 \
  "SELECT t.id, t.type, t.status, t.lease_epoch, t.payload_id, t.instance_id,"             \
  " t.failures, t.cancel_requested, t.recall_requested, i.terminating, p.status, t.error," \
  " t.maybe_started, t.worker, t.remote_path,"                                             \
  " coalesce(p.execute_payload OR t.type = 'PAYLOAD_EXECUTE', false), p.timeout"           \
  " FROM tasks t JOIN instances i ON i.id = t.instance_id"                                 \
  " LEFT JOIN payloads p ON p.id = t.payload_id "

std::vector<LockedTask> ReadLockedTasks(const Result& result) {
  std::vector<LockedTask> tasks;
  for (int row = 0; row < result.rows(); ++row) {
    tasks.push_back({.id = result.Int(row, 0),
                     .type = EnumFromText<v1::TaskType>(result.Text(row, 1)),
                     .status = EnumFromText<v1::TaskStatus>(result.Text(row, 2)),
                     .lease_epoch = result.Int(row, 3),
                     .worker = std::string(result.Text(row, 13)),
                     .payload_id = result.Int(row, 4),
                     .instance_id = result.Int(row, 5),
                     .remote_path = std::string(result.Text(row, 14)),
                     .timeout = static_cast<int>(result.Int(row, 16)),
                     .executes = result.Bool(row, 15),
                     .failures = static_cast<int>(result.Int(row, 6)),
                     .cancel_requested = result.Bool(row, 7),
                     .recall_requested = result.Bool(row, 8),
                     .instance_terminating = result.Bool(row, 9),
                     .maybe_started = result.Bool(row, 12),
                     .payload_status = EnumFromText<v1::PayloadStatus>(result.Text(row, 10)),
                     .error = std::string(result.Text(row, 11))});
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

absl::Status EndPayloads(Connection& connection, const std::vector<TaskEnd>& ends,
                         const OutputLimit& limit) {
  std::vector<int64_t> ids;
  std::vector<std::string> statuses;
  std::vector<std::string> reasons;
  std::vector<std::string> errors;
  std::vector<bool> executed;
  std::vector<std::optional<int64_t>> exit_codes;
  std::vector<std::optional<int64_t>> times;
  std::vector<int64_t> output_bytes;
  std::vector<bool> missing;
  for (const TaskEnd& end : ends) {
    if (end.status == v1::PAYLOAD_STATUS_TRANSFERRED) continue;
    ids.push_back(end.payload_id);
    statuses.push_back(EnumText(end.status));
    reasons.push_back(end.status == v1::PAYLOAD_STATUS_FAILED ? EnumText(end.failure_reason) : "");
    errors.push_back(end.error);
    executed.push_back(end.executed);
    exit_codes.push_back(end.exit_code);
    times.push_back(end.execution_time_us);
    output_bytes.push_back(end.output_bytes);
    missing.push_back(end.output_missing);
  }
  if (ids.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const Result ended,
      connection.Execute(
          "UPDATE payloads p SET status = u.status, failure_reason = u.reason,"
          " error = u.error, executed = p.executed OR u.executed, exit_code = u.exit_code,"
          " execution_time_us = u.time_us,"
          " output_bytes = greatest(p.output_bytes, u.output_bytes),"
          " output_truncated = u.missing"
          "  OR greatest(p.output_bytes, u.output_bytes) > $9::bigint,"
          " started_at = CASE WHEN u.executed THEN coalesce(p.started_at, now())"
          " ELSE p.started_at END, finished_at = now(), updated_at = now()"
          " FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[],"
          " $6::integer[], $7::bigint[], $8::bigint[], $10::boolean[]) AS u(id, status,"
          " reason, error, executed, exit_code, time_us, output_bytes, missing)"
          " WHERE p.id = u.id AND p.status IN ('PENDING', 'TRANSFERRED', 'EXECUTING')"
          " RETURNING p.id, p.output_bytes > $9::bigint",
          Params()
              .Ints(ids)
              .Texts(statuses)
              .Texts(reasons)
              .Texts(errors)
              .Bools(executed)
              .OptionalInts(exit_codes)
              .OptionalInts(times)
              .Ints(output_bytes)
              .Int(limit.total())
              .Bools(missing)));
  // The row decides: an end that the server makes itself does not say how much was printed.
  std::vector<int64_t> truncated;
  for (int row = 0; row < ended.rows(); ++row) {
    if (ended.Bool(row, 1)) truncated.push_back(ended.Int(row, 0));
  }
  return truncated.empty() ? absl::OkStatus() : OutputStore::Trim(connection, truncated, limit);
}

// The longest waiting tasks of each instance become due again; as many as could possibly run. One
// that somebody else has locked is about to end, or is found by LeaseStore::WakeStranded.
absl::Status WakeWaiting(Connection& connection, const std::vector<int64_t>& instance_ids) {
  return connection
      .Execute(
          "UPDATE tasks t SET waiting_since = NULL, run_at = now(),"
          " deliver_by = t.deliver_by + (now() - t.waiting_since)"
          " FROM (SELECT DISTINCT unnest($1::bigint[]) AS id) i, LATERAL ("
          "  SELECT w.id FROM tasks w WHERE w.instance_id = i.id"
          "  AND w.waiting_since IS NOT NULL ORDER BY w.waiting_since, w.id LIMIT 8"
          "  FOR UPDATE SKIP LOCKED) next"
          " WHERE t.id = next.id",
          Params().Ints(instance_ids))
      .status();
}

absl::Status RememberLeftovers(Connection& connection, const std::vector<TaskEnd>& ends) {
  std::vector<int64_t> with_run_directory;
  std::vector<int64_t> undelivered;
  for (const TaskEnd& end : ends) {
    if (end.run_directory) {
      with_run_directory.push_back(end.payload_id);
    } else if (end.status == v1::PAYLOAD_STATUS_CANCELLED ||
               end.failure_reason == v1::FAILURE_REASON_DELIVERY_TIMEOUT) {
      undelivered.push_back(end.payload_id);
    }
  }
  if (with_run_directory.empty() && undelivered.empty()) return absl::OkStatus();
  // An undelivered payload may have a temporary file there if a try of it broke off. Without a host
  // key nobody has ever sent anything there.
  // The worker that ran it cleans up right after the acknowledgement; the delay is for when it
  // cannot.
  return connection
      .Execute(
          "INSERT INTO run_cleanups (payload_id, attempt, instance_id, run_id, run_at)"
          " SELECT p.id, p.attempt, p.instance_id, p.run_id, now() + interval '20 seconds'"
          " FROM payloads p JOIN instances i ON i.id = p.instance_id AND i.host_key <> ''"
          " WHERE p.id = ANY ($1::bigint[]) OR (p.id = ANY ($2::bigint[]) AND EXISTS ("
          "  SELECT 1 FROM tasks t WHERE t.payload_id = p.id"
          "  AND (t.lease_epoch > 1 OR t.failures > 0))) ON CONFLICT DO NOTHING",
          Params().Ints(with_run_directory).Ints(undelivered))
      .status();
}

}  // namespace

bool MayHaveStarted(const LockedTask& task) {
  return task.maybe_started || task.payload_status == v1::PAYLOAD_STATUS_EXECUTING;
}

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
  params.Ints(task_ids).Ints(lease_epochs).Texts(workers);
  return params;
}

absl::Status LockCapacity(Connection& connection) {
  return connection.Execute("SELECT pg_advisory_xact_lock(7203964171)").status();
}

absl::StatusOr<std::vector<int64_t>> TaskStore::AllocateIds(Connection& connection, int64_t count) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT nextval('tasks_id_seq') FROM generate_series(1, $1::bigint)",
                         Params().Int(count)));
  return ReadIds(result);
}

absl::Status TaskStore::InsertBatch(Connection& connection, const NewTasks& tasks) {
  RETURN_IF_ERROR(
      connection
          .Execute("INSERT INTO tasks (type, deliver_by, id, payload_id, instance_id, remote_path,"
                   " depends_on, blocked_by, deployment_id, gated, project)"
                   " SELECT $1, now() + $2::bigint * interval '1 second', u.*, u.depends_on, d.id,"
                   " coalesce(d.max_concurrency > 0, false), i.project"
                   " FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::text[],"
                   " $7::bigint[]) AS u(id, payload_id, instance_id, remote_path, depends_on)"
                   " JOIN instances i ON i.id = u.instance_id"
                   " LEFT JOIN payloads p ON p.id = u.payload_id"
                   " LEFT JOIN deployments d ON d.id = p.deployment_id",
                   Params()
                       .Text(EnumText(tasks.type))
                       .Int(tasks.delivery_timeout.count())
                       .Ints(tasks.ids)
                       .Ints(tasks.payload_ids)
                       .Ints(tasks.instance_ids)
                       .Texts(tasks.remote_paths)
                       .OptionalInts(tasks.depends_on))
          .status());
  return RolloutStore::Begin(connection, tasks.ids);
}

absl::StatusOr<std::optional<v1::Task>> TaskStore::Get(Connection& connection, int64_t id) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(TASK_SELECT "WHERE t.id = $1", Params().Int(id)));
  if (result.rows() == 0) return std::nullopt;
  return ReadTask(result, 0);
}

absl::StatusOr<std::vector<v1::Task>> TaskStore::List(Connection& connection,
                                                      const TaskFilter& filter, Page page) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(
                       TASK_SELECT "WHERE ($1 = '' OR t.status = $1) AND ($2 = '' OR t.type = $2)"
                                   " AND ($3::bigint = 0 OR t.instance_id = $3)"
                                   " AND ($4::bigint = 0 OR t.id < $4) ORDER BY t.id DESC LIMIT $5",
                       Params()
                           .Text(filter.status == 0 ? "" : EnumText(filter.status))
                           .Text(filter.type == 0 ? "" : EnumText(filter.type))
                           .Int(filter.instance_id)
                           .Int(page.after)
                           .Int(page.limit)));
  std::vector<v1::Task> tasks;
  for (int row = 0; row < result.rows(); ++row) tasks.push_back(ReadTask(result, row));
  return tasks;
}

absl::StatusOr<std::vector<LockedTask>> TaskStore::Lock(Connection& connection,
                                                        const std::vector<int64_t>& ids) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(LOCKED_TASK_SELECT
                         "WHERE t.id = ANY ($1::bigint[]) ORDER BY t.id FOR UPDATE OF t",
                         Params().Ints(ids)));
  return ReadLockedTasks(result);
}

absl::StatusOr<std::vector<LockedTask>> TaskStore::LockForPayloads(
    Connection& connection, const std::vector<int64_t>& payload_ids) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(LOCKED_TASK_SELECT
                         "WHERE t.payload_id = ANY ($1::bigint[]) ORDER BY t.id FOR UPDATE OF t",
                         Params().Ints(payload_ids)));
  return ReadLockedTasks(result);
}

absl::Status TaskStore::RequestCancel(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "UPDATE tasks SET cancel_requested = true, updated_at = now(),"
          " run_at = least(run_at, now()) WHERE id = ANY ($1::bigint[])",
          Params().Ints(ids))
      .status();
}

absl::Status TaskStore::MarkMaybeStarted(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection
      .Execute("UPDATE tasks SET maybe_started = true WHERE id = ANY ($1::bigint[])",
               Params().Ints(ids))
      .status();
}

absl::Status TaskStore::Reschedule(Connection& connection, const std::vector<int64_t>& ids,
                                   const std::vector<std::chrono::milliseconds>& delays,
                                   const std::vector<std::string>& errors) {
  if (ids.empty()) return absl::OkStatus();
  std::vector<int64_t> millis;
  for (const auto& delay : delays) millis.push_back(delay.count());
  return connection
      .Execute(
          "UPDATE tasks t SET status = 'PENDING', lease_until = NULL,"
          " run_at = now() + u.delay * interval '1 millisecond', failures = t.failures + 1,"
          " error = u.error, updated_at = now(), gated = " LONGSHORE_BACK_BEHIND_GATE(
              "t", "now() + u.delay * interval '1 millisecond'")
          " FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS u(id, delay, error)"
          " WHERE t.id = u.id AND t.status = 'RUNNING'",
          Params().Ints(ids).Ints(millis).Texts(errors))
      .status();
}

absl::Status TaskStore::Release(Connection& connection, const std::vector<HeldLease>& leases) {
  if (leases.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "UPDATE tasks t SET status = 'PENDING', lease_until = NULL, run_at = now(),"
          " updated_at = now()"
          " FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS u(id, lease_epoch, worker)"
          " WHERE t.id = u.id AND t.lease_epoch = u.lease_epoch AND t.worker = u.worker"
          " AND t.status = 'RUNNING'",
          LeaseParams(leases))
      .status();
}

absl::Status TaskStore::SetRunDeadlines(Connection& connection, const std::vector<int64_t>& ids,
                                        std::chrono::seconds delivery_timeout,
                                        std::chrono::seconds grace) {
  if (ids.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "UPDATE tasks t SET failures = 0,"
          " deliver_by = r.timeout_at + $2::bigint * interval '1 second',"
          // Later than at first when it has been set anew before.
          " end_by = CASE WHEN t.end_by > r.timeout_at + r.grace THEN t.end_by"
          "  ELSE greatest(r.timeout_at, now()) + r.grace END"
          " FROM (SELECT id, started_at + timeout * interval '1 second' AS timeout_at,"
          "  $3::bigint * interval '1 second' AS grace FROM payloads"
          "  WHERE started_at IS NOT NULL) r WHERE t.id = ANY ($1::bigint[])"
          " AND r.id = t.payload_id",
          Params().Ints(ids).Int(delivery_timeout.count()).Int(grace.count()))
      .status();
}

absl::Status TaskStore::WaitForOutput(Connection& connection, const std::vector<int64_t>& ids) {
  if (ids.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "UPDATE tasks SET end_by = greatest(end_by, deliver_by)"
          " WHERE id = ANY ($1::bigint[]) AND end_by IS NOT NULL",
          Params().Ints(ids))
      .status();
}

absl::Status TaskStore::TellDependents(Connection& connection,
                                       const std::vector<int64_t>& completed,
                                       const std::vector<int64_t>& failed) {
  RETURN_IF_ERROR(connection
                      .Execute("UPDATE tasks SET blocked_by = NULL, run_at = now(),"
                               " deliver_by = now() + (deliver_by - created_at), updated_at = now()"
                               " WHERE blocked_by = ANY ($1::bigint[])",
                               Params().Ints(completed))
                      .status());
  return connection
      .Execute(
          "UPDATE tasks t SET status = CASE d.status WHEN 'CANCELLED' THEN 'CANCELLED'"
          " ELSE 'FAILED' END, blocked_by = NULL, updated_at = now(),"
          " gated = false, error = 'task ' || d.id || ', which it depends on, is ' || d.status"
          " FROM tasks d WHERE t.blocked_by = ANY ($1::bigint[]) AND d.id = t.blocked_by",
          Params().Ints(failed))
      .status();
}

absl::Status TaskStore::End(Connection& connection, const std::vector<TaskEnd>& ends,
                            const OutputLimit& limit) {
  if (ends.empty()) return absl::OkStatus();
  // A claim decides who has to wait for a place: it must not miss the place that becomes free here.
  RETURN_IF_ERROR(LockCapacity(connection));
  RETURN_IF_ERROR(EndPayloads(connection, ends, limit));
  std::vector<int64_t> ids;
  std::vector<std::string> statuses;
  std::vector<std::string> errors;
  std::vector<int64_t> completed;
  std::vector<int64_t> failed;
  std::vector<int64_t> instance_ids;
  std::vector<int64_t> failed_payloads;
  for (const TaskEnd& end : ends) {
    if (end.status == v1::PAYLOAD_STATUS_FAILED) failed_payloads.push_back(end.payload_id);
    const v1::TaskStatus status = TaskStatusFor(end.status);
    ids.push_back(end.task_id);
    statuses.push_back(EnumText(status));
    errors.push_back(end.error);
    (status == v1::TASK_STATUS_COMPLETED ? completed : failed).push_back(end.task_id);
    instance_ids.push_back(end.instance_id);
  }
  RETURN_IF_ERROR(
      connection
          .Execute("UPDATE tasks t SET status = u.status, error = u.error, lease_until = NULL,"
                   " blocked_by = NULL, waiting_since = NULL, gated = false, updated_at = now()"
                   " FROM unnest($1::bigint[], $2::text[], $3::text[]) AS u(id, status, error)"
                   " WHERE t.id = u.id AND t.status IN ('PENDING', 'RUNNING')",
                   Params().Ints(ids).Texts(statuses).Texts(errors))
          .status());
  RETURN_IF_ERROR(RolloutStore::StopAfterFailures(connection, failed_payloads));
  RETURN_IF_ERROR(TellDependents(connection, completed, failed));
  RETURN_IF_ERROR(WakeWaiting(connection, instance_ids));
  return RememberLeftovers(connection, ends);
}

}  // namespace longshore::storage
