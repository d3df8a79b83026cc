#include "common/open_metrics.h"

#include <cmath>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace longshore::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\n", "\\n"}, {"\"", "\\\""}});
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return absl::StrFormat("%.*g", std::numeric_limits<double>::max_digits10 - 1, value);
}

const char* TypeOf(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Gauge:
      return "gauge";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "unknown";
  }
}

prometheus::Labels LabelsOf(const ClientMetric& metric) {
  prometheus::Labels labels;
  for (const ClientMetric::Label& label : metric.label) labels.emplace(label.name, label.value);
  return labels;
}

// Writes the lines of one family.
class Writer {
 public:
  Writer(const MetricFamily& family, const Exemplars& exemplars, std::string* text)
      : family_(family), exemplars_(exemplars), text_(*text) {}

  void Write() {
    // A counter's family is named without what its samples end in.
    const absl::string_view name = family_.type == MetricType::Counter
                                       ? absl::StripSuffix(family_.name, "_total")
                                       : family_.name;
    absl::StrAppend(&text_, "# HELP ", name, " ", Escaped(family_.help), "\n", "# TYPE ", name, " ",
                    TypeOf(family_.type), "\n");
    for (const ClientMetric& metric : family_.metric) {
      if (family_.type == MetricType::Histogram) {
        WriteHistogram(metric);
      } else if (family_.type == MetricType::Counter) {
        WriteSample(metric, "", metric.counter.value, "", Find(metric, 0));
      } else {
        WriteSample(metric, "", metric.gauge.value);
      }
    }
  }

 private:
  std::optional<Exemplar> Find(const ClientMetric& metric, double bound) const {
    return exemplars_.Find(family_.name, LabelsOf(metric), bound);
  }

  void WriteHistogram(const ClientMetric& metric) {
    for (const ClientMetric::Bucket& bucket : metric.histogram.bucket) {
      WriteSample(metric, "_bucket", static_cast<double>(bucket.cumulative_count),
                  Number(bucket.upper_bound), Find(metric, bucket.upper_bound));
    }
    WriteSample(metric, "_count", static_cast<double>(metric.histogram.sample_count));
    WriteSample(metric, "_sum", metric.histogram.sample_sum);
  }

  void WriteSample(const ClientMetric& metric, const char* suffix, double value,
                   const std::string& bound = "",
                   const std::optional<Exemplar>& exemplar = std::nullopt) {
    absl::StrAppend(&text_, family_.name, suffix);
    const char* before = "{";
    for (const ClientMetric::Label& label : metric.label) {
      absl::StrAppend(&text_, before, label.name, "=\"", Escaped(label.value), "\"");
      before = ",";
    }
    if (!bound.empty()) {
      absl::StrAppend(&text_, before, "le=\"", bound, "\"");
      before = ",";
    }
    absl::StrAppend(&text_, *before == ',' ? "} " : " ", Number(value));
    if (exemplar.has_value()) {
      absl::StrAppend(
          &text_, " # {trace_id=\"", Escaped(exemplar->trace_id), "\"} ", Number(exemplar->value),
          absl::StrFormat(" %.3f", absl::ToDoubleSeconds(exemplar->at - absl::UnixEpoch())));
    }
    text_ += '\n';
  }

  const MetricFamily& family_;
  const Exemplars& exemplars_;
  std::string& text_;
};

}  // namespace

std::string OpenMetricsText(const std::vector<MetricFamily>& families, const Exemplars& exemplars) {
  std::string text;
  for (const MetricFamily& family : families) Writer(family, exemplars, &text).Write();
  return text + "# EOF\n";
}

}  // namespace longshore::metrics
