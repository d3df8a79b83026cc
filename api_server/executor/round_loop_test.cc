// When rounds begin, with rounds that end when the test says so.
#include "api_server/executor/round_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

namespace longshore::executor {
namespace {

constexpr std::chrono::hours kLong{1};

class HeldRounds {
 public:
  // A round: ends with the next result that the test gives.
  absl::StatusOr<std::chrono::milliseconds> Do() {
    MutexLock lock(&mutex_);
    ++begun_;
    changed_.NotifyAll();
    while (results_.empty()) changed_.Wait(&mutex_);
    auto result = std::move(results_.front());
    results_.pop_front();
    ++ended_;
    return result;
  }

  void AwaitBegun(int count) {
    MutexLock lock(&mutex_);
    while (begun_ < count) changed_.Wait(&mutex_);
  }
  void End(absl::StatusOr<std::chrono::milliseconds> result) {
    {
      MutexLock lock(&mutex_);
      results_.push_back(std::move(result));
    }
    changed_.NotifyAll();
  }
  int begun() {
    MutexLock lock(&mutex_);
    return begun_;
  }
  int ended() {
    MutexLock lock(&mutex_);
    return ended_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::StatusOr<std::chrono::milliseconds>> results_ ABSL_GUARDED_BY(mutex_);
  int begun_ ABSL_GUARDED_BY(mutex_) = 0;
  int ended_ ABSL_GUARDED_BY(mutex_) = 0;
};

class RoundLoopTest : public ::testing::Test {
 protected:
  HeldRounds rounds_;
  RoundLoop loop_{"test", [this] { return rounds_.Do(); }};
};

TEST_F(RoundLoopTest, AWakeBeginsARound) {
  rounds_.AwaitBegun(1);
  rounds_.End(kLong);
  loop_.Wake();
  rounds_.AwaitBegun(2);
  rounds_.End(kLong);
}

TEST_F(RoundLoopTest, AWakeDuringARoundBeginsAnother) {
  rounds_.AwaitBegun(1);
  loop_.Wake();
  loop_.Wake();
  rounds_.End(kLong);
  rounds_.AwaitBegun(2);
  rounds_.End(kLong);
  loop_.Shutdown();
  EXPECT_EQ(rounds_.begun(), 2) << "wakes are not counted";
}

TEST_F(RoundLoopTest, ARoundBeginsWhenTheNextThingIsDue) {
  rounds_.End(std::chrono::milliseconds(1));
  rounds_.AwaitBegun(2);
  rounds_.End(kLong);
}

TEST_F(RoundLoopTest, ARoundThatFailsIsTriedAgainByItself) {
  rounds_.End(absl::UnavailableError("no connection"));
  rounds_.End(absl::UnavailableError("no connection"));
  rounds_.AwaitBegun(3);
  rounds_.End(kLong);
}

TEST_F(RoundLoopTest, ARoundTakesTimeUntilItEnds) {
  rounds_.AwaitBegun(1);
  while (loop_.RoundTaken() == std::chrono::nanoseconds(0)) std::this_thread::yield();
  rounds_.End(kLong);
  loop_.Shutdown();
  EXPECT_EQ(loop_.RoundTaken(), std::chrono::nanoseconds(0));
}

TEST_F(RoundLoopTest, ShutdownWaitsForTheRoundUnderWay) {
  rounds_.AwaitBegun(1);
  std::atomic<int> ended_at_shutdown = -1;
  std::thread shutdown([&] {
    loop_.Shutdown();
    ended_at_shutdown = rounds_.ended();
  });
  rounds_.End(kLong);
  shutdown.join();
  EXPECT_EQ(ended_at_shutdown, rounds_.begun());
  loop_.Wake();
  EXPECT_EQ(rounds_.begun(), rounds_.ended()) << "there is no round after it";
}

}  // namespace
}  // namespace longshore::executor
