#include "storage/lease_store.h"

#include <set>

#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/capacity_lock.h"
#include "storage/queries/queries.h"

namespace longshore::storage {
namespace {

using lease_store::Renewal;

PayloadClaim ReadClaim(const Row& row) {
  const bool transfer = row.Text("type") == "PAYLOAD_TRANSFER";
  return {.worker = row.String("worker"),
          .task_id = row.Int("id"),
          .lease_epoch = row.Int("lease_epoch"),
          .payload_id = row.Int("payload_id"),
          .attempt = static_cast<int>(row.Int("attempt")),
          .run = row.String("run"),
          .failures = static_cast<int>(row.Int("failures")),
          .target = ReadTarget(row),
          .script_sha256 = row.Bytes("script_sha256"),
          .script_bytes = row.Int("script_bytes"),
          .remote_path = row.String("remote_path"),
          .transfer = transfer,
          .execute = !transfer || row.Bool("execute_payload"),
          .timeout = static_cast<int>(row.Int("timeout")),
          .output_bytes = row.Int("output_bytes"),
          .executing = row.Text("payload_status") == "EXECUTING",
          .cancel_requested = row.Bool("cancel_requested"),
          .recall_requested = row.Bool("recall"),
          .traceparent = row.String("traceparent")};
}

RefusedTask ReadRefused(const Row& row, RefusedTask::Reason reason) {
  return {.task_id = row.Int("id"),
          .payload_id = row.Int("payload_id"),
          .instance_id = row.Int("instance_id"),
          .reason = reason};
}

std::vector<Renewal> ReadRenewals(const Result& result) {
  std::vector<Renewal> renewals;
  for (const Row row : result) {
    renewals.push_back({.lease = {.task_id = row.Int("id"),
                                  .lease_epoch = row.Int("lease_epoch"),
                                  .worker = row.String("worker")},
                        .cancel_requested = row.Bool("cancel_requested"),
                        .recall_requested = row.Bool("recall_requested")});
  }
  return renewals;
}

// The groups that locked tasks are of.
std::vector<int64_t> OldGroups(const Result& locked) {
  std::set<int64_t> groups;
  for (const Row row : locked) {
    if (!row.IsNull("old_group")) groups.insert(row.Int("old_group"));
  }
  return {groups.begin(), groups.end()};
}

Params FlowParams(const std::vector<DueFlow>& flows, const std::vector<int64_t>& set_aside) {
  std::vector<std::string> pools;
  std::vector<std::string> projects;
  std::vector<int64_t> deployment_ids;
  std::vector<int64_t> shares;
  for (const DueFlow& flow : flows) {
    pools.push_back(flow.pool);
    projects.push_back(flow.project);
    deployment_ids.push_back(flow.deployment_id);
    shares.push_back(flow.due);
  }
  Params params;
  params.Texts("pools", pools)
      .Texts("projects", projects)
      .Ints("deployment_ids", deployment_ids)
      .Ints("shares", shares)
      .Ints("set_aside", set_aside);
  return params;
}

void AddClaimParams(const std::vector<std::string>& workers, const ClaimOptions& options,
                    Params* params) {
  params->Texts("workers", workers)
      .Int("lease_milliseconds", options.lease_duration.count())
      .Int("max_running_per_instance", options.max_running_per_instance)
      .Int("readiness_milliseconds", options.readiness_delay.count());
}

ClaimResult ReadClaims(const Result& result) {
  ClaimResult claimed;
  claimed.examined = result.rows();
  for (const Row row : result) {
    const std::string_view verdict = row.Text("verdict");
    if (verdict == "RUN") {
      claimed.claims.push_back(ReadClaim(row));
    } else if (verdict == "STOPPED") {
      claimed.refused.push_back(ReadRefused(row, RefusedTask::Reason::kRolloutStopped));
    } else if (verdict == "TERMINATED") {
      claimed.refused.push_back(ReadRefused(row, RefusedTask::Reason::kInstanceTerminated));
    } else if (verdict == "FAILED") {
      claimed.refused.push_back(ReadRefused(row, RefusedTask::Reason::kInstanceFailed));
    }
  }
  return claimed;
}

// The capacity lock comes first, in a statement of its own: the claim must see what was committed
// before it was free.
absl::StatusOr<ClaimResult> ExecuteClaim(Connection& connection, const Query& claim,
                                         Params params) {
  ASSIGN_OR_RETURN(const std::vector<Result> results,
                   connection.ExecuteTogether(
                       {{queries::kLockCapacity}, {.query = claim, .params = std::move(params)}}));
  return ReadClaims(results.back());
}

}  // namespace

namespace lease_store {

absl::StatusOr<std::vector<DueFlow>> FindDueFlows(Connection& connection, const std::string& pool,
                                                  int most_counted,
                                                  const std::vector<int64_t>& set_aside) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindDueFlows, Params()
                                                                  .Text("pool", pool)
                                                                  .Int("most_counted", most_counted)
                                                                  .Ints("set_aside", set_aside)));
  std::vector<DueFlow> flows;
  for (const Row row : result) {
    flows.push_back({.project = row.String("project"),
                     .deployment_id = row.Int("deployment_id"),
                     .due = static_cast<int>(row.Int("due")),
                     .pool = pool});
  }
  return flows;
}

absl::StatusOr<std::vector<int64_t>> FindDue(Connection& connection,
                                             const std::vector<DueFlow>& flows,
                                             const std::vector<int64_t>& set_aside) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindDue, FlowParams(flows, set_aside)));
  return ReadIds(result);
}

absl::StatusOr<ClaimResult> ClaimDue(Connection& connection, const std::vector<DueFlow>& flows,
                                     const std::vector<int64_t>& set_aside,
                                     const std::vector<std::string>& workers,
                                     const ClaimOptions& options) {
  Params params = FlowParams(flows, set_aside);
  AddClaimParams(workers, options, &params);
  return ExecuteClaim(connection, queries::kClaimDue, std::move(params));
}

absl::StatusOr<ClaimResult> ClaimTasks(Connection& connection, const std::vector<int64_t>& task_ids,
                                       const std::vector<std::string>& workers,
                                       const ClaimOptions& options) {
  Params params;
  params.Ints("task_ids", task_ids);
  AddClaimParams(workers, options, &params);
  return ExecuteClaim(connection, queries::kClaimTasks, std::move(params));
}

absl::StatusOr<std::vector<Renewal>> Renew(Connection& connection,
                                           const std::vector<HeldLease>& leases,
                                           std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kRenewLeases,
                         LeaseParams(leases).Int("lease_milliseconds", lease_duration.count())));
  return ReadRenewals(result);
}

absl::Status LimitIdle(Connection& connection, std::chrono::milliseconds limit) {
  return connection
      .Execute(queries::kLimitIdleTransaction,
               Params().Text("milliseconds", std::to_string(limit.count())))
      .status();
}

absl::StatusOr<std::vector<Renewal>> RenewGrouped(Connection& connection,
                                                  const std::vector<HeldLease>& leases,
                                                  std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(const Result locked,
                   connection.Execute(queries::kLockLeases, LeaseParams(leases)));
  if (locked.rows() == 0) return std::vector<Renewal>();
  RETURN_IF_ERROR(
      connection.Execute(queries::kLeaveLeaseGroups, Params().Ints("old_groups", OldGroups(locked)))
          .status());
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kRenewLockedLeases,
                                      Params()
                                          .Ints("task_ids", ReadIds(locked))
                                          .Int("lease_milliseconds", lease_duration.count())));
  return ReadRenewals(result);
}

absl::StatusOr<NewLeaseGroup> MakeGroup(Connection& connection,
                                        const std::vector<HeldLease>& leases,
                                        std::chrono::milliseconds lease_duration) {
  ASSIGN_OR_RETURN(const Result locked,
                   connection.Execute(queries::kLockFreeLeases, LeaseParams(leases)));
  if (locked.rows() == 0) return NewLeaseGroup{};
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kMakeLeaseGroup,
                                      Params()
                                          .Text("worker", leases.front().worker)
                                          .Ints("task_ids", ReadIds(locked))
                                          .Ints("old_groups", OldGroups(locked))
                                          .Int("lease_milliseconds", lease_duration.count())));
  return NewLeaseGroup{.id = result.first().Int("lease_group"), .renewals = ReadRenewals(result)};
}

absl::StatusOr<std::vector<GroupRenewal>> RenewGroups(Connection& connection,
                                                      const std::vector<LeaseGroup>& groups,
                                                      std::chrono::milliseconds lease_duration) {
  std::vector<int64_t> ids;
  std::vector<std::string> workers;
  std::vector<int64_t> tasks;
  std::vector<int64_t> task_id_sums;
  std::vector<int64_t> lease_epoch_sums;
  for (const LeaseGroup& group : groups) {
    ids.push_back(group.id);
    workers.push_back(group.worker);
    tasks.push_back(group.tasks);
    task_id_sums.push_back(group.task_id_sum);
    lease_epoch_sums.push_back(group.lease_epoch_sum);
  }
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kRenewLeaseGroups,
                                      Params()
                                          .Ints("groups", ids)
                                          .Texts("workers", workers)
                                          .Ints("tasks", tasks)
                                          .Ints("task_id_sums", task_id_sums)
                                          .Ints("lease_epoch_sums", lease_epoch_sums)
                                          .Int("lease_milliseconds", lease_duration.count())));
  std::vector<GroupRenewal> renewals;
  for (const Row row : result) {
    renewals.push_back({.id = row.Int("id"),
                        .worker = row.String("worker"),
                        .cancel_task_ids = row.IntArray("cancels"),
                        .recall_task_ids = row.IntArray("recalls")});
  }
  return renewals;
}

absl::Status EndGroups(Connection& connection) {
  return connection.Execute(queries::kEndLeaseGroups).status();
}

absl::Status DeleteGroups(Connection& connection) {
  return connection.Execute(queries::kDeleteLeaseGroups).status();
}

absl::StatusOr<std::vector<int64_t>> FindExpired(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindExpiredLeases, Params().Int("limit", limit)));
  return ReadIds(result);
}

absl::StatusOr<int64_t> ReapExpired(Connection& connection, const std::vector<int64_t>& task_ids) {
  ASSIGN_OR_RETURN(const Result locked, connection.Execute(queries::kLockHeldTasks,
                                                           Params().Ints("task_ids", task_ids)));
  if (locked.rows() == 0) return 0;
  ASSIGN_OR_RETURN(
      const Result reaped,
      connection.Execute(queries::kReapExpiredLeases, Params().Ints("task_ids", ReadIds(locked))));
  return reaped.affected();
}

absl::StatusOr<std::vector<int64_t>> FindUndelivered(Connection& connection, int limit,
                                                     std::chrono::seconds grace) {
  ASSIGN_OR_RETURN(
      const Result result,
      connection.Execute(queries::kFindUndelivered,
                         Params().Int("limit", limit).Int("grace_seconds", grace.count())));
  return ReadIds(result);
}

absl::StatusOr<std::vector<int64_t>> FindOverrun(Connection& connection, int limit) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kFindOverrun, Params().Int("limit", limit)));
  return ReadIds(result);
}

absl::Status WakeStranded(Connection& connection) {
  RETURN_IF_ERROR(LockCapacity(connection));
  return connection.Execute(queries::kWakeStranded).status();
}

absl::StatusOr<Ahead> LookAhead(Connection& connection) {
  ASSIGN_OR_RETURN(const Result result, connection.Execute(queries::kLookAhead));
  const Row row = result.first();
  Ahead ahead{.provisions = row.Bool("provisions"),
              .rollouts = row.Bool("rollouts"),
              .overdue = row.Bool("overdue")};
  if (!row.IsNull("milliseconds")) {
    ahead.next_due = std::chrono::milliseconds(row.Int("milliseconds"));
  }
  return ahead;
}

absl::StatusOr<std::vector<CleanupClaim>> ClaimCleanups(Connection& connection, const Reach& reach,
                                                        const std::vector<std::string>& workers) {
  RETURN_IF_ERROR(connection.Execute(queries::kGiveUpRunCleanups).status());
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kClaimRunCleanups,
                                      reach.AddTo(Params().Texts("workers", workers))));
  std::vector<CleanupClaim> claims;
  for (const Row row : result) {
    claims.push_back({.worker = row.String("worker"),
                      .payload_id = row.Int("payload_id"),
                      .attempt = static_cast<int>(row.Int("attempt")),
                      .try_number = row.Int("failures"),
                      .run = row.String("run"),
                      .remote_path = row.String("remote_path"),
                      .target = ReadTarget(row)});
  }
  return claims;
}

absl::Status DeleteCleanups(Connection& connection, const std::vector<CleanedRun>& cleaned) {
  if (cleaned.empty()) return absl::OkStatus();
  const Statement statement = DeleteCleanupsStatement(cleaned);
  return connection.Execute(statement.query, statement.params).status();
}

Statement DeleteCleanupsStatement(const std::vector<CleanedRun>& cleaned) {
  std::vector<int64_t> payload_ids;
  std::vector<int64_t> attempts;
  std::vector<int64_t> task_ids;
  std::vector<int64_t> lease_epochs;
  std::vector<std::string> workers;
  for (const CleanedRun& run : cleaned) {
    payload_ids.push_back(run.payload_id);
    attempts.push_back(run.attempt);
    task_ids.push_back(run.task_id);
    lease_epochs.push_back(run.lease_epoch);
    workers.push_back(run.worker);
  }
  return {.query = queries::kDeleteRunCleanups,
          .params = Params()
                        .Ints("payload_ids", payload_ids)
                        .Ints("attempts", attempts)
                        .Ints("task_ids", task_ids)
                        .Ints("lease_epochs", lease_epochs)
                        .Texts("workers", workers)};
}

}  // namespace lease_store

}  // namespace longshore::storage
