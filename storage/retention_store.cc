#include "storage/retention_store.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/status_macros.h"
#include "storage/queries/queries.h"
#include "storage/query.h"

namespace longshore::storage {

namespace retention_store {
namespace {

class Batch {
 public:
  Batch(Connection* connection, int64_t limit) : connection_(*connection), limit_(limit) {}

  // Deletes what is older than `retain`.
  absl::Status Delete(const char* kind, const Query& query, std::chrono::seconds retain) {
    if (retain.count() == 0) return absl::OkStatus();
    Params params;
    params.Int("retain_seconds", retain.count());
    if (std::ranges::find(query.parameters, "limit") != query.parameters.end()) {
      params.Int("limit", limit_);
    }
    ASSIGN_OR_RETURN(const Result result, connection_.Execute(query, params));
    Note(kind, result.affected());
    return absl::OkStatus();
  }

  // Returns whether there may be more.
  absl::StatusOr<bool> DeletePayloads(std::chrono::seconds retain) {
    if (retain.count() == 0) return false;
    ASSIGN_OR_RETURN(
        const Result result,
        connection_.Execute(queries::kPrunePayloads,
                            Params().Int("retain_seconds", retain.count()).Int("limit", limit_)));
    const Row row = result.first();
    Note("payloads", row.Int("payloads"));
    Note("tasks", row.Int("tasks"));
    std::vector<int64_t> deployments;
    for (const std::string& id : row.TextArray("deployment_ids")) {
      deployments.push_back(std::stoll(id));
    }
    ASSIGN_OR_RETURN(const Result emptied, connection_.Execute(queries::kPruneDeployments,
                                                               Params().Ints("ids", deployments)));
    Note("deployments", emptied.affected());
    return row.Int("payloads") == limit_;
  }

  Pruned Take() { return std::move(pruned_); }

 private:
  void Note(const char* kind, int64_t rows) {
    if (rows > 0) pruned_[kind] += rows;
  }

  Connection& connection_;
  const int64_t limit_;
  Pruned pruned_;
};

}  // namespace

absl::StatusOr<Pruned> Prune(Connection& connection, const Retention& retention, int64_t limit) {
  ASSIGN_OR_RETURN(const Result begun, connection.Execute(queries::kBeginPruning));
  if (!begun.first().Bool("is_alone")) return Pruned();
  Batch batch(&connection, limit);
  RETURN_IF_ERROR(batch.Delete("request_ids", queries::kPruneRequestIds, retention.request_ids));
  if (begun.first().Bool("may_prune_audit")) {
    RETURN_IF_ERROR(batch.Delete("audit_events", queries::kPruneAudit, retention.audit));
  }
  ASSIGN_OR_RETURN(const bool more, batch.DeletePayloads(retention.payloads));
  if (!more) {
    const std::chrono::seconds retain = retention.payloads;
    RETURN_IF_ERROR(batch.Delete("tasks", queries::kPruneInstanceTasks, retain));
    RETURN_IF_ERROR(batch.Delete("instances", queries::kPruneInstances, retain));
    RETURN_IF_ERROR(batch.Delete("scripts", queries::kPruneScripts, retain));
    RETURN_IF_ERROR(batch.Delete("workers", queries::kPruneWorkers, retain));
  }
  return batch.Take();
}

}  // namespace retention_store

}  // namespace longshore::storage
