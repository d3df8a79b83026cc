// Writes a batch of workers' events to the database: one transaction, every write fenced by
// lease_epoch.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
#define LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/backoff.h"
#include "proto/longshore/v1/worker_service.pb.h"
#include "storage/database.h"
#include "storage/output_store.h"
#include "storage/task_store.h"

namespace longshore::executor {

struct ApplierOptions {
  int64_t max_output_bytes = 1048576;
  std::chrono::seconds delivery_timeout{3600};
  BackoffOptions retry_backoff{};
};

// What a batch changed, for those who are told after its commit.
struct ApplyOutcome {
  std::set<int64_t> changed_payloads;
  bool tasks_freed = false;                    // A task ended or went back to PENDING.
  std::set<std::pair<int64_t, int64_t>> lost;  // (task, epoch) whose events were refused.
  std::map<std::pair<int64_t, int64_t>, std::string> host_keys;  // Answers to HostKeySeen.
};

// Thread-safe. Applying a batch twice is the same as applying it once.
class EventApplier {
 public:
  EventApplier(storage::Database* database, ApplierOptions options);

  // `events` keep the order in which each worker sent them.
  absl::Status Apply(const std::vector<const v1::TaskEvent*>& events, ApplyOutcome* outcome);

 private:
  absl::Status ApplyIn(storage::Connection& connection,
                       const std::vector<const v1::TaskEvent*>& events, ApplyOutcome* outcome);

  storage::Database& database_;
  const ApplierOptions options_;
};

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_EVENT_APPLIER_H_
