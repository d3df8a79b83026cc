#include "storage/retention_store.h"

#include <utility>

#include "common/status_macros.h"
#include "storage/queries/queries.h"
#include "storage/query.h"

namespace longshore::storage {

namespace retention_store {
namespace {

class Batch {
 public:
  Batch(Connection* connection, std::chrono::seconds retain, int64_t limit)
      : connection_(*connection), retain_(retain), limit_(limit) {}

  absl::Status Delete(const char* kind, const Query& query) {
    return Note(kind, query, Old().Int("limit", limit_));
  }

  absl::Status DeletePayloads() {
    ASSIGN_OR_RETURN(const Result result,
                     connection_.Execute(queries::kPrunePayloads, Old().Int("limit", limit_)));
    const Row row = result.first();
    Note("payloads", row.Int("payloads"));
    Note("tasks", row.Int("tasks"));
    const std::vector<int64_t> deployments = row.IntArray("deployment_ids");
    if (deployments.empty()) return absl::OkStatus();
    RETURN_IF_ERROR(
        Note("deployments", queries::kPruneDeployments, Params().Ints("ids", deployments)));
    return connection_.Execute(queries::kMarkPrunedDeployments, Params().Ints("ids", deployments))
        .status();
  }

  absl::Status DeleteScripts() {
    ASSIGN_OR_RETURN(const Result result,
                     connection_.Execute(queries::kLockUnusedScripts, Old().Int("limit", limit_)));
    std::vector<std::string> unused;
    for (const Row row : result) unused.push_back(row.Bytes("sha256"));
    if (unused.empty()) return absl::OkStatus();
    return Note("scripts", queries::kPruneScripts, Params().BytesArray("sha256s", unused));
  }

  absl::Status DeleteWorkers() { return Note("workers", queries::kPruneWorkers, Old()); }

  absl::Status DeleteAudit() {
    ASSIGN_OR_RETURN(const Result may, connection_.Execute(queries::kMayPruneAudit));
    if (!may.first().Bool("may_prune_audit")) return absl::OkStatus();
    return Delete("audit_events", queries::kPruneAudit);
  }

  absl::Status Take(Step step) {
    switch (step) {
      case Step::kRequestIds:
        return Delete("request_ids", queries::kPruneRequestIds);
      case Step::kAudit:
        return DeleteAudit();
      case Step::kPayloads:
        return DeletePayloads();
      case Step::kInstanceTasks:
        return Delete("tasks", queries::kPruneInstanceTasks);
      case Step::kInstances:
        return Delete("instances", queries::kPruneInstances);
      case Step::kScripts:
        return DeleteScripts();
      case Step::kWorkers:
        return DeleteWorkers();
    }
    return absl::OkStatus();
  }

  Pruned pruned() && { return std::move(pruned_); }

 private:
  Params Old() const { return Params().Int("retain_seconds", retain_.count()); }

  void Note(const char* kind, int64_t rows) {
    if (rows > 0) pruned_[kind] += rows;
  }

  absl::Status Note(const char* kind, const Query& query, const Params& params) {
    ASSIGN_OR_RETURN(const Result result, connection_.Execute(query, params));
    Note(kind, result.affected());
    return absl::OkStatus();
  }

  Connection& connection_;
  const std::chrono::seconds retain_;
  const int64_t limit_;
  Pruned pruned_;
};

std::chrono::seconds RetainOf(const Retention& retention, Step step) {
  if (step == Step::kRequestIds) return retention.request_ids;
  return step == Step::kAudit ? retention.audit : retention.payloads;
}

}  // namespace

const std::vector<Step>& Steps() {
  static const auto* const kSteps = new std::vector<Step>{
      Step::kRequestIds, Step::kAudit,   Step::kPayloads, Step::kInstanceTasks,
      Step::kInstances,  Step::kScripts, Step::kWorkers};
  return *kSteps;
}

absl::StatusOr<std::optional<Pruned>> Prune(Connection& connection, const Retention& retention,
                                            Step step, int64_t limit) {
  const std::chrono::seconds retain = RetainOf(retention, step);
  if (retain.count() == 0) return Pruned();
  ASSIGN_OR_RETURN(const Result begun, connection.Execute(queries::kBeginPruning));
  if (!begun.first().Bool("is_alone")) return std::nullopt;
  Batch batch(&connection, retain, limit);
  RETURN_IF_ERROR(batch.Take(step));
  return std::move(batch).pruned();
}

absl::StatusOr<Pruned> Count(Connection& connection, const Retention& retention) {
  Pruned counts;
  const auto count = [&](const Query& query, std::chrono::seconds retain,
                         const std::vector<std::string>& kinds) -> absl::Status {
    if (retain.count() == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Result result,
                     connection.Execute(query, Params().Int("retain_seconds", retain.count())));
    for (const std::string& kind : kinds) {
      if (const int64_t rows = result.first().Int(kind); rows > 0) counts[kind] = rows;
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(count(queries::kCountPrunable, retention.payloads,
                        {"payloads", "tasks", "deployments", "instances", "scripts", "workers"}));
  RETURN_IF_ERROR(count(queries::kCountOldRequestIds, retention.request_ids, {"request_ids"}));
  RETURN_IF_ERROR(count(queries::kCountOldAuditEvents, retention.audit, {"audit_events"}));
  return counts;
}

}  // namespace retention_store

}  // namespace longshore::storage
