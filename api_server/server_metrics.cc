#include "api_server/server_metrics.h"

#include <glog/logging.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "common/enum_text.h"
#include "common/status_macros.h"
#include "storage/scope.h"
#include "storage/task_store.h"
#include "storage/webhook_store.h"
#include "storage/worker_store.h"

namespace longshore {

using storage::OpenTasks;

ServerMetrics::ServerMetrics(storage::Database* pool, storage::Database* own,
                             executor::WorkerRegistry* workers)
    : pool_(*pool),
      own_(*own),
      workers_(*workers),
      open_tasks_(metrics::Gauges("longshore_open_tasks",
                                  "Tasks that have not ended, of the whole installation.")),
      overdue_(metrics::NewGauge(
          "longshore_oldest_due_task_seconds",
          "How long the longest due task has waited for a worker, in the whole installation.")),
      database_up_(metrics::NewGauge("longshore_database_up",
                                     "1 when the database answered when this was read, else 0.")),
      connections_(
          metrics::Gauges("longshore_database_connections", "Connections of the pool, by state.")),
      connected_workers_(
          metrics::NewGauge("longshore_worker_streams", "Workers connected to this api_server.")),
      lacking_pools_(metrics::NewGauge(
          "longshore_pools_without_worker",
          "Pools of instances that no connected worker reaches, in the whole installation.")),
      waiting_webhook_events_(
          metrics::NewGauge("longshore_webhook_events_waiting",
                            "Events that webhooks are to be told, in the whole installation.")) {
  metrics::ShowVersion();
}

void ServerMetrics::Refresh() {
  SetOpenTasks();
  SetWaiting();
  const storage::Database::Usage usage = pool_.usage();
  connections_.Add({{"state", "idle"}}).Set(usage.idle);
  connections_.Add({{"state", "used"}}).Set(usage.open - usage.idle);
  connected_workers_.Set(static_cast<double>(workers_.size()));
}

void ServerMetrics::SetWaiting() {
  own_.Run([&](storage::Connection& connection) -> absl::Status {
        ASSIGN_OR_RETURN(const auto pools, storage::worker_store::PoolsWithoutWorker(
                                               connection, storage::Scope::Everything()));
        lacking_pools_.Set(static_cast<double>(pools.size()));
        ASSIGN_OR_RETURN(const int64_t waiting, storage::webhook_store::CountWaiting(connection));
        waiting_webhook_events_.Set(static_cast<double>(waiting));
        return absl::OkStatus();
      })
      .IgnoreError();  // database_up says that it is away.
}

void ServerMetrics::SetOpenTasks() {
  std::vector<OpenTasks> open;
  const absl::Status read = own_.Run([&](storage::Connection& connection) -> absl::Status {
    ASSIGN_OR_RETURN(open, storage::task_store::CountOpen(connection));
    return absl::OkStatus();
  });
  database_up_.Set(read.ok() ? 1 : 0);
  if (!read.ok()) {  // The figures of before stay: database_up says that they are old.
    LOG_EVERY_N(WARNING, 10) << "counting open tasks: " << read;
    return;
  }
  int64_t overdue = 0;
  for (int type = v1::TaskType_MIN + 1; type <= v1::TaskType_MAX; ++type) {
    for (const v1::TaskStatus status : {v1::TASK_STATUS_PENDING, v1::TASK_STATUS_RUNNING}) {
      const auto found = std::find_if(open.begin(), open.end(), [&](const OpenTasks& tasks) {
        return tasks.type == type && tasks.status == status;
      });
      open_tasks_
          .Add({{"type", absl::AsciiStrToLower(EnumText(static_cast<v1::TaskType>(type)))},
                {"status", absl::AsciiStrToLower(EnumText(status))}})
          .Set(found == open.end() ? 0 : static_cast<double>(found->tasks));
      if (found != open.end()) overdue = std::max(overdue, found->overdue_seconds);
    }
  }
  overdue_.Set(static_cast<double>(overdue));
}

}  // namespace longshore
