// Removes what is older than it is to be kept.
#ifndef LONGSHORE_API_SERVER_PRUNER_H_
#define LONGSHORE_API_SERVER_PRUNER_H_

#include <chrono>

#include "absl/status/statusor.h"
#include "api_server/executor/round_loop.h"
#include "storage/database.h"
#include "storage/retention_store.h"

namespace longshore {

// Prunes in a thread of its own: small batches with a rest between them, so that it costs the
// others little, and then nothing for a while. Any number of replicas may do so; one at a time
// does.
class Pruner {
 public:
  // `database` must outlive this object.
  Pruner(storage::Database* database, const storage::Retention& retention);

  // Waits for the batch under way.
  void Shutdown() { loop_.Shutdown(); }

 private:
  absl::StatusOr<std::chrono::milliseconds> Round();

  storage::Database& database_;
  const storage::Retention retention_;
  executor::RoundLoop loop_;
};

}  // namespace longshore

#endif  // LONGSHORE_API_SERVER_PRUNER_H_
