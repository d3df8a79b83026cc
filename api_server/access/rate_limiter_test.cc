#include "api_server/access/rate_limiter.h"

#include <gtest/gtest.h>

namespace longshore::access {
namespace {

using std::chrono::milliseconds;

class RateLimiterTest : public ::testing::Test {
 protected:
  RateLimiter::Clock::time_point now_{};
  RateLimiter limiter_{4, 0, [this] { return now_; }};
};

TEST_F(RateLimiterTest, ASecondsWorthAtOnceThenInTurn) {
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter_.Take(1), milliseconds(0));
  EXPECT_EQ(limiter_.Take(1), milliseconds(250));
  now_ += milliseconds(100);
  EXPECT_EQ(limiter_.Take(1), milliseconds(150));
  now_ += milliseconds(150);
  EXPECT_EQ(limiter_.Take(1), milliseconds(0));
  EXPECT_EQ(limiter_.Take(1), milliseconds(250));
}

TEST_F(RateLimiterTest, EachKeyHasItsOwn) {
  for (int i = 0; i < 5; ++i) limiter_.Take(1);
  EXPECT_EQ(limiter_.Take(2), milliseconds(0));
}

TEST_F(RateLimiterTest, NoMoreThanASecondsWorthIsSaved) {
  now_ += std::chrono::hours(1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter_.Take(1), milliseconds(0));
  EXPECT_GT(limiter_.Take(1), milliseconds(0));
}

TEST_F(RateLimiterTest, ABurstIsMoreThanASecondsWorth) {
  RateLimiter limiter(4, 6, [this] { return now_; });
  for (int i = 0; i < 6; ++i) EXPECT_EQ(limiter.Take(1).count(), 0) << i;
  EXPECT_EQ(limiter.Take(1).count(), 250);
  now_ += std::chrono::seconds(1);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(limiter.Take(1).count(), 0) << i;
  EXPECT_GT(limiter.Take(1).count(), 0);
  now_ += std::chrono::hours(1);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(limiter.Take(1).count(), 0) << i;
  EXPECT_GT(limiter.Take(1).count(), 0);
}

TEST_F(RateLimiterTest, ManyKeysAreForgotten) {
  for (int64_t key = 0; key < 30000; ++key) {
    EXPECT_EQ(limiter_.Take(key), milliseconds(0));
    now_ += milliseconds(1);
  }
  for (int i = 0; i < 4; ++i) limiter_.Take(29999);
  EXPECT_GT(limiter_.Take(29999), milliseconds(0));
}

TEST(UnlimitedTest, ZeroIsNoLimit) {
  RateLimiter limiter(0);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(limiter.Take(1), milliseconds(0));
}

}  // namespace
}  // namespace longshore::access
