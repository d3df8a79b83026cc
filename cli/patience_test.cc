#include "cli/patience.h"

#include <gtest/gtest.h>

namespace longshore::cli {
namespace {

using std::chrono::seconds;

const grpc::Status kUnavailable(grpc::StatusCode::UNAVAILABLE, "connection refused");

class PatienceTest : public ::testing::Test {
 protected:
  Client client_{{.api = "127.0.0.1:1"}, seconds(60)};
  Patience patience_{&client_};
  const Patience::TimePoint start_ = std::chrono::steady_clock::now();
};

TEST_F(PatienceTest, AServerThatWasNeverReachedIsGivenUpAtOnce) {
  patience_.OnOpen(start_);
  EXPECT_FALSE(patience_.OnFailure(kUnavailable, start_));
}

TEST_F(PatienceTest, OneThatWasReachedHasTheDeadlineToComeBack) {
  client_.Reached();
  patience_.OnOpen(start_);
  EXPECT_TRUE(patience_.OnFailure(kUnavailable, start_ + seconds(1)));
  EXPECT_GT(patience_.next_try(), start_ + seconds(1));
  patience_.OnOpen(start_ + seconds(2));
  EXPECT_EQ(patience_.event_due(), start_ + seconds(60)) << "a try more is no time more";
  EXPECT_TRUE(patience_.OnFailure(kUnavailable, start_ + seconds(59)));
  EXPECT_FALSE(patience_.OnFailure(kUnavailable, start_ + seconds(60)));
}

TEST_F(PatienceTest, TheTimeBeginsAgainWhenItHasSpoken) {
  patience_.OnOpen(start_);
  patience_.OnEvent();
  EXPECT_TRUE(client_.reached());
  EXPECT_EQ(patience_.event_due(), Patience::TimePoint::max());
  EXPECT_TRUE(patience_.OnFailure(kUnavailable, start_ + seconds(3600)));
  EXPECT_EQ(patience_.event_due(), start_ + seconds(3660));
}

TEST_F(PatienceTest, ARefusalIsFinal) {
  client_.Reached();
  patience_.OnOpen(start_);
  EXPECT_FALSE(patience_.OnFailure(grpc::Status(grpc::StatusCode::NOT_FOUND, "no"), start_));
}

}  // namespace
}  // namespace longshore::cli
