#include "common/metrics.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

#include "absl/time/clock.h"
#include "common/exemplars.h"
#include "common/open_metrics.h"
#include "common/trace_context.h"
#include "common/version.h"

namespace longshore::metrics {
namespace {

prometheus::Registry& Registry() {
  static auto* const kRegistry = new prometheus::Registry();
  return *kRegistry;
}

Exemplars& Traces() {
  static auto* const kTraces = new Exemplars();
  return *kTraces;
}

void KeepTrace(const std::string& family, const prometheus::Labels& labels, double bound,
               double value, std::string_view traceparent) {
  const std::string_view trace_id = TraceIdOf(traceparent);
  if (trace_id.empty()) return;
  Traces().Keep(family, labels, bound,
                {.trace_id = std::string(trace_id), .value = value, .at = absl::Now()});
}

}  // namespace

prometheus::Family<Counter>& Counters(const std::string& name, const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(Registry());
}

prometheus::Family<Gauge>& Gauges(const std::string& name, const std::string& help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(Registry());
}

prometheus::Family<Histogram>& Histograms(const std::string& name, const std::string& help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(Registry());
}

Counter& NewCounter(const std::string& name, const std::string& help) {
  return Counters(name, help).Add({});
}

Gauge& NewGauge(const std::string& name, const std::string& help) {
  return Gauges(name, help).Add({});
}

void Increment(prometheus::Family<Counter>& family, const prometheus::Labels& labels,
               std::string_view traceparent) {
  family.Add(labels).Increment();
  KeepTrace(family.GetName(), labels, 0, 1, traceparent);
}

void Observe(prometheus::Family<Histogram>& family, const prometheus::Labels& labels,
             double seconds, std::string_view traceparent) {
  const Histogram::BucketBoundaries bounds = SecondsBuckets();
  family.Add(labels, bounds).Observe(seconds);
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), seconds);
  KeepTrace(family.GetName(), labels,
            bound == bounds.end() ? std::numeric_limits<double>::infinity() : *bound, seconds,
            traceparent);
}

void ShowVersion() {
  Gauges("longshore_build_info", "1, with the version as a label.")
      .Add({{"version", std::string(kVersion)}})
      .Set(1);
}

Histogram::BucketBoundaries SecondsBuckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

Page PageFor(std::string_view accept) {
  if (accept.find("application/openmetrics-text") != std::string_view::npos) {
    return {.content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8",
            .body = OpenMetricsText(Registry().Collect(), Traces())};
  }
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
          .body = prometheus::TextSerializer().Serialize(Registry().Collect())};
}

}  // namespace longshore::metrics
