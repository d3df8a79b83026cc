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

TEST(ValuesTest, IdsArePositive) {
  EXPECT_EQ(*ParseId("--n", "7"), 7);
  for (const char* text : {"0", "-1", "web-1"}) EXPECT_FALSE(ParseId("--n", text).ok()) << text;
}

TEST(ValuesTest, ListsHaveCommas) {
  EXPECT_EQ(SplitList("1,web,"), (std::vector<std::string>{"1", "web"}));
}

}  // namespace
}  // namespace longshore::cli
