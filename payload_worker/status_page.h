// What a worker tells of itself by HTTP: /healthz, /readyz and /metrics.
#ifndef LONGSHORE_PAYLOAD_WORKER_STATUS_PAGE_H_
#define LONGSHORE_PAYLOAD_WORKER_STATUS_PAGE_H_

#include <memory>
#include <string_view>

#include "common/metrics.h"
#include "common/mutex.h"
#include "http/message.h"
#include "payload_worker/worker.h"

namespace longshore {

// Thread-safe. Nothing of it is about any project, payload or instance, so it needs no token.
class StatusPage : public http::Handler {
 public:
  explicit StatusPage(Worker* worker);

  void Handle(std::shared_ptr<http::Exchange> exchange) override;

 private:
  http::Response Answer(const http::Request& request);
  http::Response Readiness();
  http::Response Metrics(std::string_view accept) ABSL_LOCKS_EXCLUDED(mutex_);

  Worker& worker_;
  Mutex mutex_;  // Held while a page is made, so that it is of one moment.
  prometheus::Family<metrics::Gauge>& tasks_;
  metrics::Gauge& sessions_;
  metrics::Gauge& outbox_;
  metrics::Gauge& connected_;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_STATUS_PAGE_H_
