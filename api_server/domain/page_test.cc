#include "api_server/domain/page.h"

#include <gtest/gtest.h>

#include "longshore/v1/task.pb.h"

namespace longshore::domain {
namespace {

TEST(PageTest, HasADefaultAndALimit) {
  EXPECT_EQ(ParsePage("list", 0, "")->limit, 101);
  EXPECT_EQ(ParsePage("list", 1000, "")->limit, 1001);
  EXPECT_FALSE(ParsePage("list", 1001, "").ok());
  EXPECT_FALSE(ParsePage("list", -1, "").ok());
}

TEST(PageTest, ATokenGoesOnAfterTheLastRow) {
  std::vector<v1::Task> rows(3);
  for (int i = 0; i < 3; ++i) rows[i].set_id(30 - i);
  const std::string token = FinishPage("list", {.limit = 3}, &rows);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(ParsePage("list", 2, token)->after, 29);
  EXPECT_EQ(FinishPage("list", {.limit = 3}, &rows), "") << "two rows are the last page";
}

TEST(PageTest, RefusesTokensOfOtherListsAndGarbage) {
  const std::string token = MakePageToken("list", 5);
  EXPECT_TRUE(ParsePage("list", 1, token).ok());
  EXPECT_FALSE(ParsePage("other", 1, token).ok());
  for (const std::string& bad : {std::string("x"), token + "zz", token.substr(2), token + "61",
                                 MakePageToken("list", 0), MakePageToken("list", -4)}) {
    EXPECT_FALSE(ParsePage("list", 1, bad).ok()) << bad;
  }
}

TEST(FinishPageTest, IsBoundedInBytes) {
  std::vector<v1::Task> rows(10);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].set_id(static_cast<int64_t>(100 - i));
    rows[i].set_error(std::string(kMaxAnswerBytes / 4, 'x'));
  }
  const std::string token = FinishPage("list", {.limit = 11}, &rows);
  EXPECT_EQ(rows.size(), 3u);
  EXPECT_EQ(ParsePage("list", 10, token)->after, 98);
  // One that is larger by itself is a page.
  rows.assign(2, {});
  rows[0].set_id(7);
  rows[0].set_error(std::string(kMaxAnswerBytes + 1, 'x'));
  EXPECT_NE(FinishPage("list", {.limit = 11}, &rows), "");
  EXPECT_EQ(rows.size(), 1u);
}

}  // namespace
}  // namespace longshore::domain
