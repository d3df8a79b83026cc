#include "common/metrics.h"

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "common/version.h"

namespace longshore::metrics {
namespace {

prometheus::Registry& Registry() {
  static auto* const kRegistry = new prometheus::Registry();
  return *kRegistry;
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

void ShowVersion() {
  Gauges("longshore_build_info", "1, with the version as a label.")
      .Add({{"version", std::string(kVersion)}})
      .Set(1);
}

Histogram::BucketBoundaries SecondsBuckets() {
  return {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
}

std::string Text() { return prometheus::TextSerializer().Serialize(Registry().Collect()); }

}  // namespace longshore::metrics
