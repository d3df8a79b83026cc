#include "api_server/domain/rollout_limits.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace longshore::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::Rollout Parse(const std::string& text) {
  v1::Rollout rollout;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &rollout)) << text;
  return rollout;
}

TEST(RolloutLimitsTest, PercentagesAreRoundedUp) {
  const auto rollout = Parse("max_concurrency_percent: 10 max_errors_percent: 1");
  EXPECT_TRUE(CheckRollout(rollout).ok());
  EXPECT_EQ(ResolveRollout(rollout, 101).max_concurrency, 11);
  EXPECT_EQ(ResolveRollout(rollout, 101).max_errors, 2);
  EXPECT_EQ(ResolveRollout(rollout, 1).max_concurrency, 1);
  EXPECT_EQ(ResolveRollout(rollout, 100000).max_errors, 1000);
}

TEST(RolloutLimitsTest, NumbersStay) {
  const auto limits = ResolveRollout(Parse("max_concurrency: 3 max_errors: 2"), 10);
  EXPECT_EQ(limits.max_concurrency, 3);
  EXPECT_EQ(limits.max_errors, 2);
  EXPECT_THAT(limits.waves, IsEmpty());
}

TEST(RolloutLimitsTest, WavesEndWithAll) {
  const auto rollout = Parse("waves { count: 1 } waves { percent: 5 } waves { percent: 25 }");
  EXPECT_TRUE(CheckRollout(rollout).ok());
  EXPECT_THAT(ResolveRollout(rollout, 100).waves, ElementsAre(1, 5, 25, 100));
  EXPECT_THAT(ResolveRollout(Parse("waves { percent: 100 }"), 7).waves, ElementsAre(7));
}

TEST(RolloutLimitsTest, AWaveThatGoesNoFurtherIsLeftOut) {
  const auto rollout = Parse("waves { count: 5 } waves { percent: 5 } waves { percent: 50 }");
  EXPECT_THAT(ResolveRollout(rollout, 20).waves, ElementsAre(5, 10, 20));
  EXPECT_THAT(ResolveRollout(rollout, 4).waves, ElementsAre(4));
  EXPECT_THAT(ResolveRollout(rollout, 1).waves, ElementsAre(1));
}

TEST(RolloutLimitsTest, Pause) {
  const auto limits = ResolveRollout(Parse("waves { count: 1 } pause { seconds: 60 }"), 2);
  EXPECT_EQ(limits.pause_seconds, 60);
  EXPECT_FALSE(limits.until_resumed);
}

TEST(RolloutLimitsTest, WhatIsRefused) {
  for (const auto& [text, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"max_concurrency: -1", "is negative"},
           {"max_errors: -1", "is negative"},
           {"max_concurrency_percent: 101", "1 to 100"},
           {"max_errors_percent: -1", "1 to 100"},
           {"max_errors: 1 max_errors_percent: 1", "give one of them"},
           {"waves { }", "a count or a percent"},
           {"waves { count: 1 percent: 1 }", "a count or a percent"},
           {"waves { count: -1 }", "out of range"},
           {"waves { percent: 101 }", "out of range"},
           {"waves { percent: 5 } waves { percent: 5 }", "must go further"},
           {"waves { count: 5 } waves { percent: 50 } waves { count: 4 }", "must go further"},
           {"pause { seconds: 1 }", "needs waves"},
           {"waves { count: 1 } pause { }", "one of them"},
           {"waves { count: 1 } pause { seconds: 1 until_resumed: true }", "one of them"},
           {"waves { count: 1 } pause { seconds: -1 }", "out of range"},
           {"waves { count: 1 } pause { check_script: 'x' check_script_sha256: 'a' }", "answers"},
           {"waves { count: 1 } pause { seconds: 604801 }", "out of range"},
       }) {
    const absl::Status status = CheckRollout(Parse(text));
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(said)) << text;
  }
  v1::Rollout many;
  for (int i = 0; i < kMaxWaves + 1; ++i) many.add_waves()->set_count(i + 1);
  EXPECT_THAT(std::string(CheckRollout(many).message()), HasSubstr("too many"));
}

}  // namespace
}  // namespace longshore::domain
