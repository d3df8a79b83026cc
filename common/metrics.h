// The metrics of this process, for Prometheus. They only ever grow in number at the start, and are
// the process's: whoever counts something keeps a reference to what it counts with.
#ifndef LONGSHORE_COMMON_METRICS_H_
#define LONGSHORE_COMMON_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>

#include <string>

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

// Adds a metric that says the version of the program.
void ShowVersion();

// Upper bounds of a histogram of seconds, from 1 ms to a minute.
Histogram::BucketBoundaries SecondsBuckets();

// Returns all metrics in Prometheus' text format, version 0.0.4.
std::string Text();

}  // namespace longshore::metrics

#endif  // LONGSHORE_COMMON_METRICS_H_
