#include "cli/visible.h"

#include <gtest/gtest.h>

#include <string>

namespace longshore::cli {
namespace {

TEST(VisibleTest, PassesTextAndColours) {
  EXPECT_EQ(VisibleText("plain \xc3\xbc\ttab\n"), "plain \xc3\xbc\ttab\n");
  EXPECT_EQ(VisibleText("\x1b[1;31mred\x1b[0m"), "\x1b[1;31mred\x1b[0m\x1b[0m");
  EXPECT_EQ(VisibleText("\x1b[31mred\n"), "\x1b[31mred\n\x1b[0m") << "a colour does not stay";
}

TEST(VisibleTest, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(VisibleText("\x1b]52;c;Y2xpcA==\x07"), "\\x1b]52;c;Y2xpcA==\\x07");
  EXPECT_EQ(VisibleText("\x1b[2J\x1b[1;1H"), "\\x1b[2J\\x1b[1;1H");
  EXPECT_EQ(VisibleText("over\rwritten\x7f\b"), "over\\x0dwritten\\x7f\\x08");
  EXPECT_EQ(VisibleText("\xc2\x9b"
                        "31m"),
            "\\u009b31m")
      << "C1's own CSI";
  EXPECT_EQ(VisibleText("a\xe2\x80\xae"
                        "b\xe2\x81\xa6"),
            "a\\u202eb\\u2066");
  EXPECT_EQ(VisibleText(std::string("nul\0", 4)), "nul\\x00");
  EXPECT_EQ(VisibleText("\xff\x9b"), "\xef\xbf\xbd\xef\xbf\xbd") << "a bare C1 byte is no UTF-8";
}

TEST(VisibleTest, WherePiecesAreCutMakesNoDifference) {
  const std::string text =
      "\xf0\x9f\x90\xa2 \xc3\xbc \x1b[38;5;208mcolour\x1b[0m \x1b]0;title\x07 \xe2\x80\xae "
      "\x1b\xff\xc3";
  const std::string whole = VisibleText(text);
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      Visible visible;
      std::string shown = visible.Add(text.substr(0, first));
      shown += visible.Add(text.substr(first, second - first));
      shown += visible.Add(text.substr(second));
      shown += visible.Finish();
      ASSERT_EQ(shown, whole) << first << " " << second;
    }
  }
}

TEST(VisibleTest, NothingIsKeptForLong) {
  Visible visible;
  const std::string endless = "\x1b[" + std::string(10000, '1');
  EXPECT_GT(visible.Add(endless).size(), 9900U);
  EXPECT_EQ(visible.Add("prompt? "), "prompt? ")
      << "what is not the beginning of anything is shown";
}

}  // namespace
}  // namespace longshore::cli
