#include "api_server/pruner.h"

#include <glog/logging.h>

#include <optional>

#include "common/metrics.h"
#include "common/status_macros.h"

namespace longshore {
namespace {

// With the output of so many payloads, a megabyte each, a batch takes a second at most; without it
// some ten milliseconds. At this pace a day of 100,000 payloads is gone in some minutes.
constexpr int64_t kBatch = 100;
constexpr std::chrono::milliseconds kRest{200};
// Nobody notices whether what was kept for 90 days is kept for some minutes more.
constexpr std::chrono::minutes kPause{10};

prometheus::Family<metrics::Counter>& PrunedRows() {
  static auto& family = metrics::Counters("longshore_pruned_rows_total",
                                          "Rows that were older than they are to be kept.");
  return family;
}

}  // namespace

Pruner::Pruner(storage::Database* database, const storage::Retention& retention)
    : database_(*database), retention_(retention), loop_("retention", [this] { return Round(); }) {
  PrunedRows().Add({{"kind", "payloads"}});  // There from the beginning.
}

absl::StatusOr<std::chrono::milliseconds> Pruner::Round() {
  bool more = false;
  for (const auto step : storage::retention_store::Steps()) {
    std::optional<storage::Pruned> pruned;
    const absl::Status status =
        database_.Transact([&](storage::Connection& connection) -> absl::Status {
          ASSIGN_OR_RETURN(pruned,
                           storage::retention_store::Prune(connection, retention_, step, kBatch));
          return absl::OkStatus();
        });
    if (absl::IsUnavailable(status)) return status;
    // One kind that cannot go now keeps no other.
    if (!status.ok()) LOG(WARNING) << "removing what is old: " << status;
    if (!status.ok() || !pruned.has_value()) continue;
    for (const auto& [kind, rows] : *pruned) {
      PrunedRows().Add({{"kind", kind}}).Increment(static_cast<double>(rows));
      more = more || rows >= kBatch;
    }
  }
  return more ? kRest : std::chrono::milliseconds(kPause);
}

}  // namespace longshore
