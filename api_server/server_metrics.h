// What an api_server's metrics say that is not counted as it happens: it is looked up when they are
// read.
#ifndef LONGSHORE_API_SERVER_SERVER_METRICS_H_
#define LONGSHORE_API_SERVER_SERVER_METRICS_H_

#include "api_server/executor/worker_registry.h"
#include "common/metrics.h"
#include "storage/database.h"

namespace longshore {

// Used by one thread at a time.
class ServerMetrics {
 public:
  // `pool` is described; `own` is asked, so that a pool without a free connection can be seen.
  ServerMetrics(storage::Database* pool, storage::Database* own, executor::WorkerRegistry* workers);

  void Refresh();

 private:
  void SetOpenTasks();
  void SetWaiting();  // What waits for a worker of its pool, or to be told to a webhook.

  storage::Database& pool_;
  storage::Database& own_;
  executor::WorkerRegistry& workers_;
  prometheus::Family<metrics::Gauge>& open_tasks_;
  metrics::Gauge& overdue_;
  metrics::Gauge& database_up_;
  prometheus::Family<metrics::Gauge>& connections_;
  metrics::Gauge& connected_workers_;
  metrics::Gauge& lacking_pools_;
  metrics::Gauge& waiting_webhook_events_;
};

}  // namespace longshore

#endif  // LONGSHORE_API_SERVER_SERVER_METRICS_H_
