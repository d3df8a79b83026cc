#include "storage/rollout_store.h"

#include "common/status_macros.h"
#include "storage/rows.h"
#include "storage/task_store.h"

namespace longshore::storage {
namespace {

// Of a task t of deployment d: its script has not been started.
#define UNSTARTED_TASK_OF_STOPPING                                                  \
  "t.deployment_id = d.id AND d.rollout_state = 'STOPPING' AND p.id = t.payload_id" \
  " AND p.status IN ('PENDING', 'TRANSFERRED')"

}  // namespace

absl::StatusOr<bool> RolloutStore::AnyActive(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT EXISTS (SELECT 1 FROM deployments"
                                      " WHERE rollout_state IN ('OPEN', 'STOPPING'))"));
  return result.Bool(0, 0);
}

absl::Status RolloutStore::OpenGates(Connection& connection) {
  // The time that a task has waited for its place does not count for its deadline.
  return connection
      .Execute(
          "UPDATE tasks t SET gated = false, run_at = now(),"
          " deliver_by = t.deliver_by + (now() - t.run_at), updated_at = now()"
          " FROM deployments d, LATERAL (SELECT g.id FROM tasks g WHERE g.deployment_id = d.id"
          "  AND g.gated AND g.status = 'PENDING' AND g.blocked_by IS NULL AND g.run_at <= now()"
          "  ORDER BY g.run_at, g.id LIMIT greatest(0, d.max_concurrency - (SELECT count(*)"
          "   FROM tasks a WHERE a.deployment_id = d.id AND NOT a.gated AND a.blocked_by IS NULL"
          "   AND a.status IN ('PENDING', 'RUNNING')))"
          "  FOR UPDATE SKIP LOCKED) next"
          " WHERE d.rollout_state = 'OPEN' AND t.id = next.id")
      .status();
}

absl::Status RolloutStore::StopAfterFailures(Connection& connection,
                                             const std::vector<int64_t>& payload_ids) {
  if (payload_ids.empty()) return absl::OkStatus();
  return connection
      .Execute(
          "UPDATE deployments d SET rollout_state = 'STOPPING', stop_reason = c.failed ||"
          " CASE c.failed WHEN 1 THEN ' payload' ELSE ' payloads' END || ' failed; the rollout'"
          " || ' stops at max_errors ' || d.max_errors"
          " FROM (SELECT f.id, (SELECT count(*) FROM payloads p WHERE p.deployment_id = f.id"
          "   AND p.status = 'FAILED') AS failed"
          "  FROM deployments f WHERE f.max_errors > 0 AND f.stop_reason = '' AND f.id IN ("
          "   SELECT deployment_id FROM payloads WHERE id = ANY ($1::bigint[]))) c"
          " WHERE d.id = c.id AND c.failed >= d.max_errors",
          Params().Ints(payload_ids))
      .status();
}

absl::StatusOr<std::vector<int64_t>> RolloutStore::FindStopped(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute("SELECT t.id FROM tasks t, deployments d, payloads p"
                                      " WHERE " UNSTARTED_TASK_OF_STOPPING
                                      " AND t.status = 'PENDING' AND NOT t.maybe_started"
                                      " ORDER BY t.id LIMIT $1"
                                      " FOR UPDATE OF t SKIP LOCKED",
                                      Params().Int(limit)));
  return ReadIds(result);
}

absl::StatusOr<std::vector<int64_t>> RolloutStore::Recall(Connection& connection) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("UPDATE tasks SET recall_requested = true WHERE id IN (SELECT t.id"
                         " FROM tasks t, deployments d, payloads p"
                         " WHERE " UNSTARTED_TASK_OF_STOPPING
                         " AND t.status = 'RUNNING' AND NOT t.recall_requested"
                         " FOR UPDATE OF t SKIP LOCKED) RETURNING id"));
  return ReadIds(result);
}

absl::Status RolloutStore::Settle(Connection& connection) {
  return connection
      .Execute(
          "UPDATE deployments s SET rollout_state = CASE s.rollout_state WHEN 'OPEN' THEN 'NONE'"
          " ELSE 'STOPPED' END WHERE s.id IN ("
          "  SELECT d.id FROM deployments d WHERE d.rollout_state = 'OPEN' AND NOT EXISTS ("
          "   SELECT 1 FROM tasks t WHERE t.deployment_id = d.id AND t.gated"
          "   AND t.status = 'PENDING')"
          "  UNION ALL SELECT d.id FROM deployments d WHERE d.rollout_state = 'STOPPING'"
          "   AND NOT EXISTS (SELECT 1 FROM tasks t, payloads p"
          "   WHERE " UNSTARTED_TASK_OF_STOPPING " AND t.status IN ('PENDING', 'RUNNING')))")
      .status();
}

absl::Status RolloutStore::Begin(Connection& connection, const std::vector<int64_t>& task_ids) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute("SELECT d.id FROM deployments d WHERE (d.max_concurrency > 0"
                         " OR d.stop_reason <> '') AND d.id IN (SELECT deployment_id FROM tasks"
                         " WHERE id = ANY ($1::bigint[]))",
                         Params().Ints(task_ids)));
  if (result.rows() == 0) return absl::OkStatus();
  RETURN_IF_ERROR(LockCapacity(connection));  // Settle must see the tasks, or come first.
  return connection
      .Execute(
          "UPDATE deployments SET stop_reason = '', rollout_state = CASE"
          " WHEN max_concurrency > 0 THEN 'OPEN' ELSE 'NONE' END"
          " WHERE id = ANY ($1::bigint[])",
          Params().Ints(ReadIds(result)))
      .status();
}

}  // namespace longshore::storage
