#include "cli/values.h"

#include <gtest/gtest.h>

#include "cli/errors.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

TEST(ValuesTest, NumbersAreWholeAndInRange) {
  EXPECT_EQ(*ParseInt64("--n", "-5"), -5);
  EXPECT_EQ(*ParseInt32("--n", "2147483647"), 2147483647);
  for (const char* text : {"", "5s", "0x5", "1.5", " 5", "99999999999999999999"}) {
    const auto number = ParseInt64("--n", text);
    EXPECT_EQ(ExitStatusOf(number.status()), kExitUsage) << text;
  }
  EXPECT_FALSE(ParseInt32("--n", "4294967297").ok()) << "would be 1 if it were cut";
}

TEST(ValuesTest, ErrorsQuoteTheText) {
  EXPECT_EQ(ToString(ParseInt64("--n", "five").status()), "--n 'five' is not a number");
}

TEST(ValuesTest, CountsArePositive) {
  EXPECT_EQ(*ParseCount("--n", "7"), 7);
  EXPECT_EQ(ToString(ParseCount("--n", "0").status()), "--n '0' is not above 0");
  EXPECT_FALSE(ParseCount("--n", "-1").ok());
}

TEST(ValuesTest, DurationsHaveUnitsOrAreSeconds) {
  EXPECT_EQ(*ParseDuration("--d", "90"), std::chrono::seconds(90));
  EXPECT_EQ(*ParseDuration("--d", "5m"), std::chrono::minutes(5));
  EXPECT_EQ(*ParseDuration("--d", "1h30m"), std::chrono::minutes(90));
  EXPECT_EQ(*ParseDuration("--d", "500ms"), std::chrono::milliseconds(500));
  for (const char* text : {"", "0", "-5m", "soon", "5 m", "5d", "m", "inf", "1ns"}) {
    EXPECT_EQ(ExitStatusOf(ParseDuration("--d", text).status()), kExitUsage) << text;
  }
}

TEST(ValuesTest, SecondsAreWholeAndInRange) {
  EXPECT_EQ(*ParseSeconds("--d", "90"), 90);
  EXPECT_EQ(*ParseSeconds("--d", "1h30m"), 5400);
  EXPECT_EQ(*ParseSeconds("--d", "0"), 0);
  EXPECT_EQ(*ParseSeconds("--d", "1500ms1500ms"), 3);
  EXPECT_EQ(ToString(ParseSeconds("--d", "1500ms").status()),
            "--d '1500ms' is not in whole seconds");
  EXPECT_EQ(ToString(ParseSeconds("--d", "4294967297").status()),
            "--d '4294967297' is out of range");
  EXPECT_EQ(ExitStatusOf(ParseSeconds("--d", "99999999h").status()), kExitUsage);
}

TEST(ValuesTest, IdsArePositive) {
  EXPECT_EQ(*ParseId("--n", "7"), 7);
  for (const char* text : {"0", "-1", "web-1"}) EXPECT_FALSE(ParseId("--n", text).ok()) << text;
}

TEST(ValuesTest, InstancesHaveIdsOrNames) {
  EXPECT_EQ(*ParseInstance("--n", "7"), "7");
  EXPECT_EQ(*ParseInstance("--n", "7up"), "7up");
  for (const char* text : {"", "0", "99999999999999999999"}) {
    EXPECT_EQ(ExitStatusOf(ParseInstance("--n", text).status()), kExitUsage) << text;
  }
}

TEST(ValuesTest, ListsHaveCommas) {
  EXPECT_EQ(SplitList("1,web,"), (std::vector<std::string>{"1", "web"}));
}

}  // namespace
}  // namespace longshore::cli
