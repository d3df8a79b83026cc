// The workers table: which workers have connected, and when each was connected last. For people;
// nothing depends on it.
#ifndef LONGSHORE_STORAGE_WORKER_STORE_H_
#define LONGSHORE_STORAGE_WORKER_STORE_H_

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "longshore/v1/worker.pb.h"
#include "storage/connection.h"
#include "storage/rows.h"
#include "storage/scope.h"

namespace longshore::storage {

// What a worker says in its hello.
struct ConnectedWorker {
  std::string name;
  std::string incarnation;  // Differs for each process of that name.
  std::string version;
  int capacity = 0;  // Assignments that it takes when it connects.
  std::string pool;
};

// A row of the list, with its place in it.
struct ListedWorker {
  int64_t id() const { return row_id; }
  size_t ByteSizeLong() const { return worker.ByteSizeLong(); }

  int64_t row_id = 0;
  v1::Worker worker;
};

namespace worker_store {

// Notes that the worker has just connected.
absl::Status Upsert(Connection& connection, const ConnectedWorker& worker);
// Notes that the workers are connected, at most once per `period` for each.
absl::Status MarkSeen(Connection& connection, const std::vector<std::string>& names,
                      std::chrono::milliseconds period);
// Lists workers in the order of their first connection; page.after is the row_id of the last one on
// the previous page.
absl::StatusOr<std::vector<ListedWorker>> List(Connection& connection, Page page);
// Returns the pools of instances within the scope, terminated ones apart, of which no worker was
// seen lately.
absl::StatusOr<std::vector<std::string>> PoolsWithoutWorker(Connection& connection,
                                                            const Scope& scope);

}  // namespace worker_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_WORKER_STORE_H_
