// The metrics of this process, for Prometheus. They only ever grow in number at the start, and are
// the process's: whoever counts something keeps a reference to what it counts with.
#ifndef LONGSHORE_COMMON_METRICS_H_
#define LONGSHORE_COMMON_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <string>
#include <string_view>

namespace longshore::metrics {

using prometheus::Counter;
using prometheus::Gauge;
using prometheus::Histogram;

// Families of metrics that have labels: family.Add({{"method", "..."}}) returns the metric with
// these labels, always the same. Names and units follow prometheus.io/docs/practices/naming;
// docs/metrics.md has them all. Thread-safe, as are the metrics.
prometheus::Family<Counter>& Counters(const std::string& name, const std::string& help);
prometheus::Family<Gauge>& Gauges(const std::string& name, const std::string& help);
prometheus::Family<Histogram>& Histograms(const std::string& name, const std::string& help);

// Metrics without labels.
Counter& NewCounter(const std::string& name, const std::string& help);
Gauge& NewGauge(const std::string& name, const std::string& help);

// Count in the metric of a family that has these labels, and keep the trace of `traceparent`, if
// there is one (common/trace_context.h), as the exemplar. Observe takes seconds.
void Increment(prometheus::Family<Counter>& family, const prometheus::Labels& labels,
               std::string_view traceparent);
void Observe(prometheus::Family<Histogram>& family, const prometheus::Labels& labels,
             double seconds, std::string_view traceparent);

// Adds a metric that says the version of the program.
void ShowVersion();

// Upper bounds of a histogram of seconds, from 1 ms to a minute.
Histogram::BucketBoundaries SecondsBuckets();

struct Page {
  std::string content_type;
  std::string body;
};

// Returns all metrics in OpenMetrics' text format, with exemplars, when `accept`, the value of the
// request's header, names it, as Prometheus does; otherwise in Prometheus' text format, 0.0.4.
Page PageFor(std::string_view accept);

}  // namespace longshore::metrics

#endif  // LONGSHORE_COMMON_METRICS_H_
