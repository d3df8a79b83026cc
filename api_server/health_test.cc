#include "api_server/health.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

namespace longshore {
namespace {

// What is told, one after the other.
class Told {
 public:
  void Set(bool serving) {
    MutexLock lock(&mutex_);
    told_.push_back(serving);
    changed_.NotifyAll();
  }
  bool Next() {
    MutexLock lock(&mutex_);
    while (told_.empty()) changed_.Wait(&mutex_);
    const bool next = told_.front();
    told_.pop_front();
    return next;
  }
  bool IsEmpty() {
    MutexLock lock(&mutex_);
    return told_.empty();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<bool> told_ ABSL_GUARDED_BY(mutex_);
};

TEST(HealthTest, FollowsTheCheck) {
  std::atomic<bool> good = false;
  Told told;
  Health health([&] { return good ? absl::OkStatus() : absl::UnavailableError("away"); },
                [&](bool serving) { told.Set(serving); });
  EXPECT_FALSE(told.Next());
  good = true;
  EXPECT_TRUE(told.Next());
  EXPECT_TRUE(told.IsEmpty()) << "only changes are told";
}

TEST(HealthTest, ACheckThatHangsIsNoGoodOne) {
  Mutex mutex;
  mutex.Lock();  // Whoever checks waits.
  Told told;
  Health health(
      [&] {
        MutexLock lock(&mutex);
        return absl::OkStatus();
      },
      [&](bool serving) { told.Set(serving); });
  EXPECT_FALSE(told.Next());
  mutex.Unlock();
  EXPECT_TRUE(told.Next());
}

TEST(HealthTest, NothingIsServedAfterTheDrainHasBegun) {
  Told told;
  Health health([] { return absl::OkStatus(); }, [&](bool serving) { told.Set(serving); });
  health.BeginDrain();
  EXPECT_FALSE(told.Next());
  health.Shutdown();
  EXPECT_TRUE(told.IsEmpty());
}

}  // namespace
}  // namespace longshore
