#include "verify/metrics_checks.h"

#include <gtest/gtest.h>

#include <vector>

namespace longshore::verify {
namespace {

const OpenTasks::key_type kPending{"payload_transfer", "pending"};
const OpenTasks::key_type kRunning{"payload_transfer", "running"};

// Returns `steps` one after the other, and the last one again and again.
std::function<absl::StatusOr<OpenTasks>()> Each(std::vector<OpenTasks> steps) {
  return [steps, at = size_t{0}]() mutable { return steps[std::min(at++, steps.size() - 1)]; };
}

TEST(MetricsChecksTest, ReadsAPage) {
  const auto tasks = ReadOpenTasks(
      "# TYPE longshore_open_tasks gauge\n"
      "longshore_open_tasks{type=\"payload_transfer\",status=\"pending\"} 3\n"
      "longshore_open_tasks{status=\"running\",type=\"payload_transfer\"} 1.2e+04\n"
      "longshore_database_up 1\n");
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  EXPECT_EQ(*tasks, (OpenTasks{{kPending, 3}, {kRunning, 12000}}));
}

TEST(MetricsChecksTest, TakesNothingElseForAPage) {
  EXPECT_FALSE(ReadOpenTasks("").ok());
  EXPECT_FALSE(ReadOpenTasks("<html></html>").ok());
  EXPECT_FALSE(ReadOpenTasks("longshore_database_up 0\n").ok());
  EXPECT_FALSE(ReadOpenTasks("longshore_open_tasks{type=\"x\"} 1\nlongshore_database_up 1\n").ok());
}

TEST(MetricsChecksTest, FindsNothingWhereBothAgree) {
  const auto found = CompareOpenTasks("a", Each({{{kPending, 3}}}), Each({{{kPending, 3}}}));
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->empty());
}

TEST(MetricsChecksTest, FindsWhatAPageTellsWrongly) {
  for (const OpenTasks& told :
       {OpenTasks{}, OpenTasks{{kPending, 2}}, OpenTasks{{kPending, 3}, {kRunning, 1}}}) {
    const auto found = CompareOpenTasks("a", Each({told}), Each({{{kPending, 3}}}));
    ASSERT_TRUE(found.ok());
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().invariant, 9);
  }
}

TEST(MetricsChecksTest, HoldsNothingAgainstAPageWhileRowsMove) {
  const auto found = CompareOpenTasks("a", Each({{{kPending, 9}}}),
                                      Each({{{kPending, 1}},
                                            {{kPending, 2}},
                                            {{kPending, 3}},
                                            {{kPending, 4}},
                                            {{kPending, 5}},
                                            {{kPending, 6}}}));
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->empty());
}

TEST(MetricsChecksTest, OneMomentIsNoViolation) {
  // The rows were 2 for the moment of the page, between two looks that say 3.
  const auto found =
      CompareOpenTasks("a", Each({{{kPending, 2}}, {{kPending, 3}}}), Each({{{kPending, 3}}}));
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->empty());
}

TEST(MetricsChecksTest, SaysThatAPageCannotBeRead) {
  const auto found = CompareOpenTasks(
      "a", [] { return absl::StatusOr<OpenTasks>(absl::UnavailableError("gone")); }, Each({{}}));
  EXPECT_EQ(found.status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace longshore::verify
