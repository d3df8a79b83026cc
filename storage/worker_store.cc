#include "storage/worker_store.h"

#include "storage/queries/queries.h"

namespace longshore::storage {

namespace worker_store {

absl::Status Upsert(Connection& connection, const ConnectedWorker& worker) {
  return connection
      .Execute(queries::kUpsertWorker, Params()
                                           .Text("name", worker.name)
                                           .Text("incarnation", worker.incarnation)
                                           .Text("version", worker.version))
      .status();
}

}  // namespace worker_store

}  // namespace longshore::storage
