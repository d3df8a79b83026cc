// What the executor counts.
#ifndef LONGSHORE_API_SERVER_EXECUTOR_METRICS_EXECUTOR_METRICS_H_
#define LONGSHORE_API_SERVER_EXECUTOR_METRICS_EXECUTOR_METRICS_H_

#include "common/metrics.h"

namespace longshore::executor {

struct ExecutorMetrics {
  metrics::Counter& claims =
      metrics::NewCounter("longshore_claims_total", "Tasks that were claimed for workers.");
  metrics::Counter& refused_claims = metrics::NewCounter(
      "longshore_claims_refused_total", "Tasks that were due and ended instead of being claimed.");
  metrics::Counter& expired_leases = metrics::NewCounter(
      "longshore_leases_expired_total", "Leases that ran out, so that their tasks went back.");
  metrics::Counter& events = metrics::NewCounter(
      "longshore_worker_events_total", "Events of workers that were stored or refused for good.");
  metrics::Counter& failed_batches = metrics::NewCounter(
      "longshore_event_batches_failed_total", "Tries to store events that were repeated.");
  // Its count is that of the batches.
  metrics::Histogram& batch_seconds =
      metrics::Histograms("longshore_event_batch_duration_seconds",
                          "How long it took to store a batch of events, in one transaction.")
          .Add({}, metrics::SecondsBuckets());
};

// Returns those of this process, all of which are there from the first call on.
inline ExecutorMetrics& Metrics() {
  static auto* const kMetrics = new ExecutorMetrics();
  return *kMetrics;
}

}  // namespace longshore::executor

#endif  // LONGSHORE_API_SERVER_EXECUTOR_METRICS_EXECUTOR_METRICS_H_
