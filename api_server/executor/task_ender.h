// Ends the tasks that a query finds, in batches.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_TASK_ENDER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_TASK_ENDER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api_server/domain/signals.h"
#include "storage/database.h"
#include "storage/output_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

// Thread-safe.
class TaskEnder {
 public:
  // Finds and locks up to `limit` tasks of payloads; returns their ids in ascending order.
  using FindTasks = std::function<absl::StatusOr<std::vector<int64_t>>(
      storage::Connection& connection, int limit)>;
  using MakeEnd = std::function<storage::TaskEnd(const storage::LockedTask& task)>;

  TaskEnder(storage::Database* database, domain::Signals* signals, int64_t max_output_bytes);

  // Ends all tasks that `find` finds, each as `make_end` says, and signals after each commit their
  // payloads, and that others may be due. A task that the database refuses to end is logged and
  // left as it is. Errors: those of a database that is away, and of `find` itself.
  absl::Status EndAll(const FindTasks& find, const MakeEnd& make_end);

 private:
  // Returns whether there may be more that can be ended.
  absl::StatusOr<bool> EndBatch(const FindTasks& find, const MakeEnd& make_end);
  // Ends those of `ids` that the database does not refuse. Adds the payloads that ended to `ended`,
  // also when it fails midway.
  absl::Status EndIsolated(const FindTasks& find, const MakeEnd& make_end,
                           const std::vector<int64_t>& ids, std::vector<int64_t>* ended);
  // Ends, in one transaction, those found tasks that are among `only` (all when it is null). Sets
  // `found` to what was found and adds the payloads that ended to `ended`.
  absl::Status EndFound(const FindTasks& find, const MakeEnd& make_end,
                        const std::vector<int64_t>* only, std::vector<int64_t>* found,
                        std::vector<int64_t>* ended);

  storage::Database& database_;
  domain::Signals& signals_;
  const OutputLimit output_limit_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_TASK_ENDER_H_
