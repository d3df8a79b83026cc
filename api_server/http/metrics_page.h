// GET /metrics: the metrics of this api_server, for Prometheus.
#ifndef LONGSHORE_API_SERVER_HTTP_METRICS_PAGE_H_
#define LONGSHORE_API_SERVER_HTTP_METRICS_PAGE_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "api_server/http/rpc_client.h"
#include "common/mutex.h"
#include "common/work_queue.h"
#include "http/message.h"

namespace longshore::api_http {

// Both may wait for the database.
struct MetricsHooks {
  std::function<absl::Status(const RpcCaller&)> may_read;
  std::function<void()> refresh;  // Brings up to date what is not counted as it happens.
};

// Thread-safe. One page is made at a time, and few wait for theirs.
class MetricsPage {
 public:
  explicit MetricsPage(MetricsHooks hooks) : hooks_(std::move(hooks)) {}

  void Handle(std::shared_ptr<http::Exchange> exchange, RpcCaller caller)
      ABSL_LOCKS_EXCLUDED(mutex_);
  // Drops those that wait.
  void Shutdown() { work_.Shutdown(); }

 private:
  void Answer(http::Exchange* exchange, const RpcCaller& caller);

  const MetricsHooks hooks_;
  Mutex mutex_;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  WorkQueue work_{1};
};

}  // namespace longshore::api_http

#endif  // LONGSHORE_API_SERVER_HTTP_METRICS_PAGE_H_
