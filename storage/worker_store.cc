#include "storage/worker_store.h"

#include "common/status_macros.h"
#include "storage/queries/queries.h"

namespace longshore::storage {

namespace worker_store {

absl::Status Upsert(Connection& connection, const ConnectedWorker& worker) {
  return connection
      .Execute(queries::kUpsertWorker, Params()
                                           .Text("name", worker.name)
                                           .Text("incarnation", worker.incarnation)
                                           .Text("version", worker.version)
                                           .Int("capacity", worker.capacity)
                                           .Text("pool", worker.pool))
      .status();
}

absl::Status MarkSeen(Connection& connection, const std::vector<std::string>& names,
                      std::chrono::milliseconds period) {
  return connection
      .Execute(queries::kMarkWorkersSeen,
               Params().Texts("names", names).Int("period_milliseconds", period.count()))
      .status();
}

absl::StatusOr<std::vector<ListedWorker>> List(Connection& connection, Page page) {
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kListWorkers,
                                      Params().Int("after", page.after).Int("limit", page.limit)));
  std::vector<ListedWorker> workers;
  workers.reserve(result.rows());
  for (const Row row : result) {
    ListedWorker listed{.row_id = row.Int("id"), .worker = {}};
    v1::Worker& worker = listed.worker;
    worker.set_name(row.String("name"));
    worker.set_version(row.String("version"));
    worker.set_capacity(static_cast<int32_t>(row.Int("capacity")));
    worker.set_pool(row.String("pool"));
    worker.set_running(static_cast<int32_t>(row.Int("running")));
    ReadTimestamp(row, "connected_at", [&] { return worker.mutable_connected_at(); });
    ReadTimestamp(row, "seen_at", [&] { return worker.mutable_seen_at(); });
    workers.push_back(std::move(listed));
  }
  return workers;
}

absl::StatusOr<std::vector<std::string>> PoolsWithoutWorker(Connection& connection,
                                                            const Scope& scope) {
  Params params;
  ASSIGN_OR_RETURN(const Result result,
                   connection.Execute(queries::kPoolsWithoutWorker, scope.AddTo(params)));
  std::vector<std::string> pools;
  for (const Row row : result) pools.push_back(row.String("pool"));
  return pools;
}

}  // namespace worker_store

}  // namespace longshore::storage
