// What workers tell of runs that go well: a script was started, it printed something, it ended with
// exit code 0. That is nearly all that they tell, and it is stored in one round trip.
#ifndef LONGSHORE_STORAGE_RUNS_RUN_REPORTS_H_
#define LONGSHORE_STORAGE_RUNS_RUN_REPORTS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/output_limit.h"
#include "storage/connection.h"
#include "storage/lease_store.h"
#include "storage/task_store.h"

namespace longshore::storage {

struct StartReport {
  HeldLease lease;
  std::string remote_path;  // Where the script is, if that has just become known.
};

struct OutputReport {
  HeldLease lease;
  int64_t offset = 0;  // Of its first byte.
  std::string data;
};

// A script has ended with exit code 0.
struct CompletionReport {
  HeldLease lease;
  std::optional<int64_t> execution_time_us;
  int64_t output_bytes = 0;
  bool output_missing = false;  // See TaskEnd.
  bool run_directory = false;   // See TaskEnd.
};

// All of one batch. Of one task they happened in this order.
struct RunReports {
  std::vector<StartReport> starts;
  std::vector<OutputReport> output;  // Nothing of it is behind what is kept.
  std::vector<CompletionReport> completions;
  std::vector<CleanedRun> cleaned;
};

struct RunReportOptions {
  OutputLimit limit;
  std::chrono::seconds delivery_timeout;  // See task_store::StartRuns.
  std::chrono::seconds grace;
};

struct StoredReports {
  // Every report was of a task that its sender holds and that goes on as usual. The others are not
  // stored; to store all of them again, in another way, is harmless.
  bool complete = false;
  std::set<int64_t> payloads;  // Of those that are stored.
  bool freed = false;          // See task_store::End.
  // Somebody wants to hear of deployments that have ended. The next call has to know.
  bool has_webhooks = false;
};

// Stores what is of tasks that their senders hold. `tells_webhooks`: whether to see to them; where
// there are some, runs are not completed without. It takes the capacity lock, after the tasks. For
// Database::TransactAtOnce.
absl::StatusOr<StoredReports> StoreRunReports(Connection& connection, const RunReports& reports,
                                              const RunReportOptions& options, bool tells_webhooks);

}  // namespace longshore::storage

#endif  // LONGSHORE_STORAGE_RUNS_RUN_REPORTS_H_
