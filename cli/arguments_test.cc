#include "cli/arguments.h"

#include <gtest/gtest.h>

namespace longshore::cli {
namespace {

const OptionSpec kSpec{.with_value = {"name", "ids"}, .switches = {"wait"}};

TEST(ArgumentsTest, TakesOptionsAnywhere) {
  const auto arguments =
      Arguments::Parse({"first", "--name", "a", "--wait", "--name=b=c", "--", "--last"}, kSpec);
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->positional(), (std::vector<std::string>{"first", "--last"}));
  EXPECT_EQ(arguments->Text("name"), "b=c");
  EXPECT_EQ(arguments->All("name"), (std::vector<std::string>{"a", "b=c"}));
  EXPECT_TRUE(arguments->Has("wait"));
}

TEST(ArgumentsTest, RefusesWhatItDoesNotKnow) {
  for (const std::string word : {"--nam", "--wait=yes", "--", "--name"}) {
    const auto arguments = Arguments::Parse({word}, kSpec);
    if (word == "--") {
      EXPECT_TRUE(arguments.ok());
    } else {
      EXPECT_TRUE(IsUsageError(arguments.status())) << word;
    }
  }
}

TEST(ArgumentsTest, NumbersAreWholeAndInRange) {
  const auto parse = [](const std::string& text) {
    return *Arguments::Parse({"--name", text}, kSpec);
  };
  EXPECT_EQ(*parse("-5").Int("name", 1), -5);
  EXPECT_EQ(*parse("x").Int("ids", 7), 7) << "not given";
  EXPECT_EQ(*parse("2147483647").Int32("name"), 2147483647);
  for (const char* text : {"", "5s", "0x5", "1.5", " 5", "99999999999999999999"}) {
    EXPECT_FALSE(parse(text).Int("name", 0).ok()) << text;
  }
  EXPECT_FALSE(parse("4294967297").Int32("name").ok()) << "would be 1 if it were cut";
}

TEST(ArgumentsTest, IdsComeInListsAndRepeats) {
  const auto arguments = Arguments::Parse({"--ids", "1,2,", "--ids=3"}, kSpec);
  EXPECT_EQ(*arguments->Ids("ids"), (std::vector<int64_t>{1, 2, 3}));
  EXPECT_FALSE(Arguments::Parse({"--ids", "1,x"}, kSpec)->Ids("ids").ok());
}

}  // namespace
}  // namespace longshore::cli
