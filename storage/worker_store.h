// The workers table: who has connected, and when it was last heard of.
#ifndef LONGSHORE_STORAGE_WORKER_STORE_H_
#define LONGSHORE_STORAGE_WORKER_STORE_H_

#include <string>

#include "absl/status/status.h"
#include "storage/connection.h"

namespace longshore::storage {

struct ConnectedWorker {
  std::string name;
  std::string incarnation;  // Differs for each process of that name.
  std::string version;
};

namespace worker_store {

// Notes that the worker has connected just now.
absl::Status Upsert(Connection& connection, const ConnectedWorker& worker);

}  // namespace worker_store

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_WORKER_STORE_H_
