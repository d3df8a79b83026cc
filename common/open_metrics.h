// The OpenMetrics text format, version 1.0, which has exemplars; prometheus-cpp writes only the one
// before it
// (https://github.com/OpenObservability/OpenMetrics/blob/main/specification/OpenMetrics.md).
#ifndef LONGSHORE_COMMON_OPEN_METRICS_H_
#define LONGSHORE_COMMON_OPEN_METRICS_H_

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

#include "common/exemplars.h"

namespace longshore::metrics {

// Writes counters, whose names end in "_total", gauges and histograms. Numbers are written as
// prometheus-cpp does, so that the bounds of buckets are the same in both formats.
std::string OpenMetricsText(const std::vector<prometheus::MetricFamily>& families,
                            const Exemplars& exemplars);

}  // namespace longshore::metrics

#endif  // LONGSHORE_COMMON_OPEN_METRICS_H_
