// What a worker counts of its deliveries.
#ifndef LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_METRICS_H_
#define LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_METRICS_H_

#include <chrono>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "common/metrics.h"
#include "common/status.h"

namespace longshore::run {

struct DeliveryMetrics {
  prometheus::Family<metrics::Counter>& steps = metrics::Counters(
      "longshore_delivery_steps_total", "Steps of deliveries, by how they ended.");
  prometheus::Family<metrics::Histogram>& durations =
      metrics::Histograms("longshore_delivery_step_duration_seconds",
                          "How long the steps of deliveries that went well have taken.");
  metrics::Counter& reused =
      metrics::NewCounter("longshore_ssh_sessions_reused_total",
                          "Deliveries and cleanups that began over a connection that was kept.");
  metrics::Histogram& round_trips =
      metrics::Histograms("longshore_ssh_round_trip_seconds",
                          "How long a round trip to an instance takes, once for each connection.")
          .Add({}, metrics::SecondsBuckets());
  metrics::Counter& output_bytes = metrics::NewCounter(
      "longshore_output_bytes_read_total", "Bytes that scripts have printed, as they were read.");
  metrics::Counter& script_bytes = metrics::NewCounter("longshore_script_bytes_sent_total",
                                                       "Bytes of scripts sent to instances.");
};

// Returns those of this process, all of which are there from the first call on.
inline DeliveryMetrics& Metrics() {
  static auto* const kMetrics = new DeliveryMetrics();
  return *kMetrics;
}

// Takes `step`, one of connect, login, upload and start, by `take`, which returns a status or has
// one; how it ends is counted, in the trace of `traceparent`.
template <typename Take>
auto Counted(const char* step, std::string_view traceparent, const Take& take) {
  const auto begun = std::chrono::steady_clock::now();
  auto result = take();
  absl::Status status;
  if constexpr (std::is_same_v<decltype(result), absl::Status>) {
    status = result;
  } else {
    status = result.status();
  }
  const std::string reason = absl::AsciiStrToLower(ReasonOf(status));
  const std::string ended = status.ok() ? "ok" : reason.empty() ? "internal" : reason;
  metrics::Increment(Metrics().steps, {{"step", step}, {"result", ended}}, traceparent);
  if (status.ok()) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    metrics::Observe(Metrics().durations, {{"step", step}}, took.count(), traceparent);
  }
  return result;
}

}  // namespace longshore::run

#endif  // LONGSHORE_PAYLOAD_WORKER_RUN_DELIVERY_METRICS_H_
