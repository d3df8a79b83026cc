#include "api_server/pruner.h"

#include "common/metrics.h"
#include "common/status_macros.h"

namespace longshore {
namespace {

// A batch takes some tens of milliseconds; at this pace a day of 100,000 payloads is gone in a
// minute.
constexpr int64_t kBatch = 500;
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
  storage::Pruned pruned;
  RETURN_IF_ERROR(database_.Transact([&](storage::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(pruned, storage::retention_store::Prune(connection, retention_, kBatch));
    return absl::OkStatus();
  }));
  bool more = false;
  for (const auto& [kind, rows] : pruned) {
    PrunedRows().Add({{"kind", kind}}).Increment(static_cast<double>(rows));
    more = more || rows >= kBatch;
  }
  return more ? kRest : std::chrono::milliseconds(kPause);
}

}  // namespace longshore
