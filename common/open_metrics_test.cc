#include "common/open_metrics.h"

#include <gtest/gtest.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <limits>

namespace longshore::metrics {
namespace {

class OpenMetricsTest : public testing::Test {
 protected:
  std::string Text() const { return OpenMetricsText(registry_.Collect(), exemplars_); }

  prometheus::Registry registry_;
  Exemplars exemplars_;
};

TEST_F(OpenMetricsTest, NothingHasAnEnd) { EXPECT_EQ(Text(), "# EOF\n"); }

TEST_F(OpenMetricsTest, ACounterIsNamedWithoutTotal) {
  auto& family =
      prometheus::BuildCounter().Name("ends_total").Help("How many.").Register(registry_);
  family.Add({{"how", "well"}}).Increment(3);
  family.Add({{"how", "badly"}});
  exemplars_.Keep("ends_total", {{"how", "well"}}, 0,
                  {.trace_id = "abc", .value = 1, .at = absl::FromUnixMillis(1500)});
  const std::string text = Text();
  EXPECT_TRUE(text.starts_with("# HELP ends How many.\n# TYPE ends counter\n")) << text;
  EXPECT_NE(text.find("\nends_total{how=\"well\"} 3 # {trace_id=\"abc\"} 1 1.500\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nends_total{how=\"badly\"} 0\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\n# EOF\n")) << text;
}

TEST_F(OpenMetricsTest, AGauge) {
  prometheus::BuildGauge()
      .Name("open")
      .Help("Of \"now\"\n\\.")
      .Register(registry_)
      .Add({})
      .Set(-1.5);
  EXPECT_EQ(Text(), "# HELP open Of \\\"now\\\"\\n\\\\.\n# TYPE open gauge\nopen -1.5\n# EOF\n");
}

TEST_F(OpenMetricsTest, ABucketHasTheExemplarThatIsInIt) {
  auto& family = prometheus::BuildHistogram().Name("took").Help("s").Register(registry_);
  const prometheus::Labels labels{{"of", "a\"b"}};
  auto& histogram = family.Add(labels, prometheus::Histogram::BucketBoundaries{0.0025, 1});
  for (const double value : {0.001, 0.5, 7.0}) histogram.Observe(value);
  exemplars_.Keep("took", labels, 1,
                  {.trace_id = "t1", .value = 0.5, .at = absl::FromUnixMillis(2000)});
  exemplars_.Keep("took", labels, std::numeric_limits<double>::infinity(),
                  {.trace_id = "t2", .value = 6, .at = absl::FromUnixMillis(2000)});
  exemplars_.Keep("took", labels, std::numeric_limits<double>::infinity(),
                  {.trace_id = "t3", .value = 7, .at = absl::FromUnixMillis(3000)});
  EXPECT_EQ(Text(),
            "# HELP took s\n# TYPE took histogram\n"
            "took_bucket{of=\"a\\\"b\",le=\"0.0025\"} 1\n"
            "took_bucket{of=\"a\\\"b\",le=\"1\"} 2 # {trace_id=\"t1\"} 0.5 2.000\n"
            "took_bucket{of=\"a\\\"b\",le=\"+Inf\"} 3 # {trace_id=\"t3\"} 7 3.000\n"
            "took_count{of=\"a\\\"b\"} 3\n"
            "took_sum{of=\"a\\\"b\"} 7.501\n"
            "# EOF\n");
}

}  // namespace
}  // namespace longshore::metrics
