#include "verify/database_checks.h"

#include <algorithm>

#include "common/status_macros.h"

namespace longshore::verify {
namespace {

using storage::Connection;
using storage::Params;
using storage::Result;

struct Check {
  int invariant;
  const char* name;
  // Each row is a violation: subject, detail. Options are settings of the transaction; see Set.
  const char* sql;
};

#define OPEN_STATUSES "('PENDING', 'TRANSFERRED', 'EXECUTING')"
#define SETTING(name) "current_setting('verify." name "')::bigint"
#define OPEN_TASK(payload)                                      \
  "EXISTS (SELECT 1 FROM tasks t WHERE t.payload_id = " payload \
  ".id AND t.status IN ('PENDING', 'RUNNING'))"

// The chunks of the current attempt of every payload, with the end of the one before.
#define CHUNKS                                                                                    \
  "SELECT p.id, p.status, p.output_bytes, p.output_truncated, o.start_byte, o.end_byte,"          \
  " o.lease_epoch, lag(o.end_byte, 1, 0::bigint) OVER w AS before,"                               \
  " max(o.lease_epoch) OVER (w ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS epoch_before" \
  " FROM payloads p JOIN payload_output o ON o.payload_id = p.id AND o.attempt = p.attempt"       \
  " WINDOW w AS (PARTITION BY p.id ORDER BY o.start_byte)"

constexpr Check kChecks[] = {
    {1, "an open payload has a task that will end it",
     "SELECT 'payload ' || p.id, p.status || ' without a task that is PENDING or RUNNING'"
     " FROM payloads p WHERE (p.status IN ('PENDING', 'EXECUTING')) AND NOT " OPEN_TASK("p")},
    {1, "a lease that has run out is given to another",
     "SELECT 'task ' || id, 'RUNNING, its lease ran out at ' || lease_until FROM tasks"
     " WHERE status = 'RUNNING' AND lease_until < clock_timestamp() - interval '60 seconds'"},
    {1, "a payload that cannot be delivered fails in time",
     "SELECT 'task ' || id, 'PENDING, it was to be given up at ' || deliver_by FROM tasks"
     " WHERE status = 'PENDING' AND payload_id IS NOT NULL AND waiting_since IS NULL"
     " AND blocked_by IS NULL AND NOT gated"
     " AND deliver_by < clock_timestamp() - interval '60 seconds'"},
    {1, "a task waits for something that will come",
     "SELECT 'task ' || t.id, 'PENDING, waits for task ' || t.blocked_by || ', which has ended'"
     " FROM tasks t JOIN tasks b ON b.id = t.blocked_by"
     " WHERE b.status NOT IN ('PENDING', 'RUNNING')"
     " UNION ALL SELECT 'task ' || t.id, 'PENDING, waits for a place on instance '"
     " || t.instance_id || ' where nothing runs' FROM tasks t"
     " WHERE t.waiting_since < clock_timestamp() - interval '60 seconds' AND NOT EXISTS ("
     "  SELECT 1 FROM tasks r WHERE r.instance_id = t.instance_id AND r.status = 'RUNNING')"
     " UNION ALL SELECT 'task ' || t.id, 'PENDING, waits at a gate of deployment ' || d.id"
     " || ' that is not open' FROM tasks t JOIN deployments d ON d.id = t.deployment_id"
     " WHERE t.gated AND d.rollout_state NOT IN ('OPEN', 'STOPPING')"},
    {1, "everything has come to its end or its rest",
     "SELECT 'payload ' || id, status FROM payloads p WHERE " SETTING(
         "quiescent") " = 1"
                      " AND (status IN ('PENDING', 'EXECUTING') OR (status = 'TRANSFERRED' "
                      "AND " OPEN_TASK(
                          "p") "))"
                               " UNION ALL SELECT 'task ' || id, status || ' ' || type FROM tasks"
                               " WHERE " SETTING(
                                   "quiescent") " = 1 AND status IN ('PENDING', 'RUNNING')"},
    {2, "one task at a time works on a payload",
     "SELECT 'payload ' || payload_id, count(*) || ' tasks are RUNNING' FROM tasks"
     " WHERE status = 'RUNNING' AND payload_id IS NOT NULL GROUP BY payload_id"
     " HAVING count(*) > 1"},
    {2, "no output is of an attempt that nobody asked for",
     "SELECT DISTINCT 'payload ' || p.id, 'has output of attempt ' || o.attempt || ', it is at '"
     " || p.attempt FROM payload_output o JOIN payloads p ON p.id = o.payload_id"
     " WHERE o.attempt > p.attempt OR o.attempt < 1"},
    {2, "a remote_path has one payload at a time",
     "SELECT 'instance ' || instance_id, count(*) || ' payloads are EXECUTING at ' || remote_path"
     " FROM payloads WHERE status = 'EXECUTING' GROUP BY instance_id, remote_path"
     " HAVING count(*) > 1"
     " UNION ALL SELECT 'instance ' || instance_id, count(*) || ' tasks are RUNNING at '"
     " || remote_path FROM tasks WHERE status = 'RUNNING' AND remote_path <> ''"
     " GROUP BY instance_id, remote_path HAVING count(*) > 1"},
    {3, "COMPLETED means exit status 0",
     "SELECT 'payload ' || id, 'COMPLETED with exit status '"
     " || coalesce(exit_code::text, 'unknown') || CASE WHEN executed THEN '' ELSE ', not executed'"
     " END FROM payloads WHERE status = 'COMPLETED' AND (exit_code IS DISTINCT FROM 0"
     " OR NOT executed OR failure_reason <> '')"},
    {3, "exit status 0 means COMPLETED",
     "SELECT 'payload ' || id, status || ' ' || failure_reason || ' with exit status 0'"
     " FROM payloads WHERE exit_code = 0 AND status <> 'COMPLETED'"},
    {3, "a failure's reason agrees with its result",
     "SELECT 'payload ' || id, status || ' ' || failure_reason || ' with exit status '"
     " || coalesce(exit_code::text, 'unknown') || CASE WHEN executed THEN '' ELSE ', not executed'"
     " END FROM payloads WHERE (status = 'FAILED') <> (failure_reason <> '')"
     " OR (failure_reason = 'NONZERO_EXIT') <> (coalesce(exit_code, 0) <> 0)"
     " OR (failure_reason IN ('NONZERO_EXIT', 'KILLED_BY_SIGNAL', 'EXECUTION_TIMEOUT',"
     "  'INTERRUPTED') AND NOT executed)"
     " OR (failure_reason IN ('HOST_KEY_MISMATCH', 'AUTHENTICATION_FAILED', 'DELIVERY_TIMEOUT',"
     "  'DEPENDENCY_FAILED') AND exit_code IS NOT NULL)"
     " OR (status = 'FAILED' AND error = '')"},
    {4, "the output has no gap and no byte twice",
     "SELECT 'payload ' || id, 'output continues at byte ' || start_byte || ' after byte '"
     " || before FROM (" CHUNKS ") c WHERE start_byte < before OR (start_byte > before"
     // What is over the limit is cut out, once, behind the head.
     " AND NOT (output_truncated AND before = " SETTING("head") "))"},
    {4, "the output is complete",
     "SELECT 'payload ' || p.id, 'output_bytes is ' || p.output_bytes || ', stored is all up to '"
     " || coalesce(o.stored, 0) FROM payloads p LEFT JOIN (SELECT payload_id, attempt,"
     "  max(end_byte) AS stored FROM payload_output GROUP BY payload_id, attempt) o"
     " ON o.payload_id = p.id AND o.attempt = p.attempt"
     " WHERE coalesce(o.stored, 0) <> p.output_bytes"},
    {4, "output over the limit is exactly head and tail",
     "SELECT 'payload ' || p.id, 'of ' || p.output_bytes || ' bytes, '"
     " || coalesce(o.stored, 0) || ' are stored; output_truncated is ' || p.output_truncated"
     " FROM payloads p LEFT JOIN (SELECT payload_id, attempt, sum(end_byte - start_byte) AS stored"
     "  FROM payload_output GROUP BY payload_id, attempt) o"
     " ON o.payload_id = p.id AND o.attempt = p.attempt WHERE p.status NOT IN " OPEN_STATUSES
     // An output that was cut short on the instance is truncated as well.
     " AND ((p.output_bytes > " SETTING(
         "max_output_bytes") " AND NOT p.output_truncated)"
                             " OR coalesce(o.stored, 0) <> least(p.output_bytes, " SETTING(
                                 "max_output_bytes") "))"},
    {5, "the guards of the state machines are in place",
     "SELECT 'trigger ' || g.name, 'is missing or disabled' FROM (VALUES ('payloads_guard'),"
     " ('tasks_guard'), ('run_cleanups_guard')) AS g(name) WHERE NOT EXISTS (SELECT 1 FROM "
     "pg_trigger t"
     " WHERE t.tgname = g.name AND t.tgenabled IN ('O', 'A'))"
     " UNION ALL SELECT 'constraint ' || conname, 'is not validated' FROM pg_constraint"
     " WHERE conrelid IN ('payloads'::regclass, 'tasks'::regclass) AND NOT convalidated"},
    {5, "executed and times agree with the status",
     "SELECT 'payload ' || id, status || ', executed ' || executed || ', started '"
     " || coalesce(started_at::text, 'never') || ', finished '"
     " || coalesce(finished_at::text, 'never') FROM payloads"
     " WHERE executed <> (started_at IS NOT NULL)"
     " OR (status IN " OPEN_STATUSES ") <> (finished_at IS NULL)"
     " OR (status = 'EXECUTING' AND NOT executed) OR (status IN ('PENDING', 'TRANSFERRED')"
     " AND executed) OR execution_time_us < 0 OR (exit_code IS NOT NULL AND NOT executed)"},
    {5, "a payload that has ended has no task that has not",
     "SELECT 'payload ' || p.id, p.status || ', its task ' || t.id || ' is ' || t.status"
     " FROM payloads p JOIN tasks t ON t.payload_id = p.id AND t.status IN ('PENDING', 'RUNNING')"
     " WHERE p.status IN ('COMPLETED', 'FAILED', 'CANCELLED')"},
    {5, "the last task of a payload agrees with it",
     "SELECT 'payload ' || p.id, p.status || ', its task ' || t.id || ' is ' || t.status"
     " FROM payloads p JOIN tasks t ON t.id = p.task_id"
     " WHERE (p.status = 'COMPLETED' AND t.status <> 'COMPLETED')"
     " OR (p.status = 'FAILED' AND t.status = 'COMPLETED' AND p.failure_reason <>"
     "  'INSTANCE_TERMINATED') OR (p.status = 'EXECUTING' AND t.status NOT IN"
     "  ('PENDING', 'RUNNING'))"},
    {6, "payload and task belong together",
     "SELECT 'payload ' || p.id, 'its task ' || p.task_id || ' ' || CASE WHEN t.id IS NULL"
     " THEN 'does not exist' ELSE 'is of payload ' || coalesce(t.payload_id::text, 'none')"
     " || ' on instance ' || t.instance_id END FROM payloads p LEFT JOIN tasks t"
     " ON t.id = p.task_id WHERE t.id IS NULL OR t.payload_id IS DISTINCT FROM p.id"
     " OR t.instance_id <> p.instance_id"
     " UNION ALL SELECT 'task ' || task_id, 'belongs to ' || count(*) || ' payloads'"
     " FROM payloads GROUP BY task_id HAVING count(*) > 1"},
    {6, "a deployment has one payload for each of its instances",
     "SELECT 'deployment ' || deployment_id, count(*) || ' payloads for instance ' || instance_id"
     " FROM payloads GROUP BY deployment_id, instance_id HAVING count(*) > 1"
     " UNION ALL SELECT 'deployment ' || d.id, 'has no payload' FROM deployments d"
     " WHERE NOT EXISTS (SELECT 1 FROM payloads p WHERE p.deployment_id = d.id)"},
    {6, "an accepted request has its answer",
     "SELECT 'request_id ' || request_id, method || ' has no answer' FROM request_ids"
     " WHERE length(response) = 0"},
    {7, "the output was written by holders in the order of their leases",
     "SELECT 'payload ' || id, 'byte ' || start_byte || ' is of epoch ' || lease_epoch"
     " || ', bytes before it of epoch ' || epoch_before FROM (" CHUNKS ") c"
     " WHERE lease_epoch < epoch_before AND lease_epoch > 0"},
    {7, "nobody wrote under a lease that was never given",
     "SELECT DISTINCT 'payload ' || p.id, 'output of epoch ' || o.lease_epoch || ', task ' || t.id"
     " || ' is at epoch ' || t.lease_epoch FROM payload_output o JOIN payloads p"
     " ON p.id = o.payload_id AND p.attempt = o.attempt JOIN tasks t ON t.id = p.task_id"
     " WHERE o.lease_epoch > t.lease_epoch"
     " UNION ALL SELECT 'task ' || id, 'tried ' || attempt || ' times under ' || lease_epoch"
     " || ' leases' FROM tasks WHERE attempt > lease_epoch OR lease_epoch < 0"},
    {8, "no transaction is left idle",
     "SELECT 'session ' || pid, state || ' since ' || state_change FROM pg_stat_activity"
     " WHERE datname = current_database() AND application_name = 'longshore'"
     " AND state LIKE 'idle in transaction%'"
     " AND state_change < clock_timestamp() - interval '30 seconds'"},
    {8, "no lock is kept",
     "SELECT 'session ' || l.pid, 'has held an advisory lock since ' || a.xact_start"
     " FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
     " WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()"
     " AND a.xact_start < clock_timestamp() - interval '60 seconds'"},
    {8, "nothing is left to be removed from instances",
     "SELECT 'payload ' || c.payload_id, 'attempt ' || c.attempt || ': what it left on instance '"
     " || c.instance_id || ' is not removed after ' || c.failures || ' tries'"
     " FROM run_cleanups c JOIN instances i ON i.id = c.instance_id"
     " WHERE " SETTING("quiescent") " = 1 AND i.status <> 'TERMINATED'"},
    {9, "no more run on an instance than may",
     "SELECT 'instance ' || instance_id, count(*) || ' tasks are RUNNING' FROM tasks"
     " WHERE status = 'RUNNING' AND payload_id IS NOT NULL GROUP BY instance_id"
     " HAVING count(*) > " SETTING("max_running_per_instance")},
    {9, "no more of a deployment run than its rollout allows",
     "SELECT 'deployment ' || d.id, count(*) || ' are RUNNING, max_concurrency is '"
     " || d.max_concurrency FROM tasks t JOIN deployments d ON d.id = t.deployment_id"
     " WHERE t.status = 'RUNNING' AND d.max_concurrency > 0 GROUP BY d.id"
     " HAVING count(*) > d.max_concurrency"},
    {9, "a rollout stops at max_errors and not before",
     "SELECT 'deployment ' || d.id, failed || ' failed, max_errors is ' || d.max_errors"
     " || ', stop_reason is ''' || d.stop_reason || '''' FROM deployments d, LATERAL ("
     "  SELECT count(*) AS failed FROM payloads p WHERE p.deployment_id = d.id"
     "  AND p.status = 'FAILED') f WHERE (d.stop_reason <> '' AND failed < d.max_errors)"
     " OR (d.max_errors > 0 AND failed >= d.max_errors AND d.stop_reason = ''"
     // A retry lifts the stop while those that failed before are run again.
     "  AND NOT EXISTS (SELECT 1 FROM payloads p WHERE p.deployment_id = d.id"
     "   AND (p.attempt > 1 OR p.status IN " OPEN_STATUSES ")))"},
    {10, "no private key is in an error or a log",
     "SELECT 'payload ' || id, 'a private key in its error' FROM payloads"
     " WHERE error LIKE '%PRIVATE KEY-----%'"
     " UNION ALL SELECT 'task ' || id, 'a private key in its error' FROM tasks"
     " WHERE error LIKE '%PRIVATE KEY-----%'"
     " UNION ALL SELECT 'instance ' || id, 'a private key in its status_error' FROM instances"
     " WHERE status_error LIKE '%PRIVATE KEY-----%'"
     " UNION ALL SELECT 'task ' || task_id, 'a private key in its log' FROM task_logs"
     " WHERE log LIKE '%PRIVATE KEY-----%'"},
};

constexpr size_t kMaxPerCheck = 20;

absl::Status Set(Connection& connection, const std::string& name, int64_t value) {
  return connection
      .Execute("SELECT set_config('verify.' || $1, $2, true)",
               Params().Text(name).Text(std::to_string(value)))
      .status();
}

absl::Status SetOptions(Connection& connection, const DatabaseOptions& options) {
  RETURN_IF_ERROR(Set(connection, "max_output_bytes", options.max_output_bytes));
  RETURN_IF_ERROR(Set(connection, "head", options.max_output_bytes / 2));
  RETURN_IF_ERROR(Set(connection, "max_running_per_instance", options.max_running_per_instance));
  return Set(connection, "quiescent", options.quiescent ? 1 : 0);
}

absl::Status RunChecks(Connection& connection, std::vector<Violation>* violations) {
  for (const Check& check : kChecks) {
    const auto result = connection.Execute(check.sql);
    if (!result.ok()) {
      return absl::Status(result.status().code(), "checking that " + std::string(check.name) +
                                                      ": " +
                                                      std::string(result.status().message()));
    }
    const size_t rows = static_cast<size_t>(result->rows());
    for (size_t row = 0; row < std::min(rows, kMaxPerCheck); ++row) {
      violations->push_back({check.invariant, check.name,
                             std::string(result->Text(static_cast<int>(row), 0)),
                             std::string(result->Text(static_cast<int>(row), 1))});
    }
    if (rows > kMaxPerCheck) {
      violations->push_back(
          {check.invariant, check.name, "and", std::to_string(rows - kMaxPerCheck) + " more"});
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<Violation>> CheckDatabase(Connection& connection,
                                                     const DatabaseOptions& options) {
  RETURN_IF_ERROR(
      connection.ExecuteScript("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  ASSIGN_OR_RETURN(const Result schema,
                   connection.Execute("SELECT to_regclass('schema_migrations') IS NOT NULL"));
  if (!schema.Bool(0, 0)) {
    return absl::FailedPreconditionError("this database has no schema of Longshore");
  }
  RETURN_IF_ERROR(SetOptions(connection, options));
  std::vector<Violation> violations;
  RETURN_IF_ERROR(RunChecks(connection, &violations));
  RETURN_IF_ERROR(connection.ExecuteScript("COMMIT"));
  return violations;
}

std::vector<std::string> DatabaseCheckNames() {
  std::vector<std::string> names;
  for (const Check& check : kChecks) names.emplace_back(check.name);
  return names;
}

}  // namespace longshore::verify
