#include "payload_worker/link/lease_table.h"

#include <gtest/gtest.h>

#include <thread>

namespace longshore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeClock : public Clock {
 public:
  std::chrono::nanoseconds SinceBoot() const override { return now; }
  std::chrono::nanoseconds now = seconds(1000);
};

constexpr LeaseKey kKey{.task_id = 1, .lease_epoch = 1};

TEST(LeaseTableTest, AnAssignmentAloneIsNoLease) {
  FakeClock clock;
  LeaseTable leases(&clock);
  leases.Add(kKey);
  EXPECT_FALSE(leases.WaitValid(kKey, seconds(1), milliseconds(0)));
  EXPECT_EQ(leases.TakeUnconfirmed().size(), 1u);
  EXPECT_TRUE(leases.TakeUnconfirmed().empty());
  leases.Renew({kKey}, clock.now + seconds(10));
  EXPECT_TRUE(leases.WaitValid(kKey, seconds(10), milliseconds(0)));
  EXPECT_FALSE(leases.WaitValid(kKey, seconds(11), milliseconds(0)));
  clock.now += seconds(5);
  EXPECT_FALSE(leases.WaitValid(kKey, seconds(6), milliseconds(0)));
}

TEST(LeaseTableTest, ANewStreamAsksAgain) {
  FakeClock clock;
  LeaseTable leases(&clock);
  leases.Add(kKey);
  leases.TakeUnconfirmed();
  leases.ForgetHeartbeats();
  EXPECT_EQ(leases.TakeUnconfirmed().size(), 1u);
}

TEST(LeaseTableTest, ALostLeaseEndsTheWait) {
  FakeClock clock;
  LeaseTable leases(&clock);
  leases.Add(kKey);
  std::thread loser([&] { leases.Remove(kKey); });
  EXPECT_FALSE(leases.WaitValid(kKey, seconds(1), seconds(60)));
  loser.join();
  leases.Renew({kKey}, clock.now + seconds(10));
  EXPECT_FALSE(leases.Holds(kKey));
}

class LeaseGroupTest : public ::testing::Test {
 protected:
  void Hold(int64_t task_id, int renewals) {
    const LeaseKey key{.task_id = task_id, .lease_epoch = 1};
    leases_.Add(key);
    for (int i = 0; i < renewals; ++i) leases_.Renew({key}, clock_.now + seconds(10));
  }
  static std::vector<int64_t> Ids(const std::vector<LeaseKey>& keys) {
    std::vector<int64_t> ids;
    ids.reserve(keys.size());
    for (const LeaseKey& key : keys) ids.push_back(key.task_id);
    return ids;
  }

  FakeClock clock_;
  LeaseTable leases_{&clock_};
};

TEST_F(LeaseGroupTest, WhatHasBeenRenewedForAWhileSettles) {
  Hold(1, 1);
  EXPECT_TRUE(leases_.TakeSettled().empty());
  Hold(2, 2);
  const std::vector<LeaseKey> settled = leases_.TakeSettled();
  EXPECT_EQ(Ids(settled), std::vector<int64_t>{2});
  EXPECT_TRUE(leases_.TakeSettled().empty()) << "it is asked for";
  leases_.SetGroup(settled, 77);
  EXPECT_EQ(Ids(leases_.TakeSingle()), std::vector<int64_t>{1});
  EXPECT_EQ(leases_.Groups(), std::vector<LeaseGroup>({{77, 1, 2, 1}}));
}

TEST_F(LeaseGroupTest, ItIsRenewedAsAWhole) {
  Hold(1, 2);
  Hold(2, 2);
  leases_.SetGroup(leases_.TakeSettled(), 77);
  clock_.now += seconds(60);
  const LeaseKey key{.task_id = 1, .lease_epoch = 1};
  leases_.RenewGroups({0, 78}, clock_.now + seconds(10));
  EXPECT_FALSE(leases_.IsValid(key));
  leases_.RenewGroups({77}, clock_.now + seconds(10));
  EXPECT_TRUE(leases_.IsValid(key));
  leases_.Remove(key);
  EXPECT_EQ(leases_.Groups(), std::vector<LeaseGroup>({{77, 1, 2, 1}}));
  leases_.Remove({.task_id = 2, .lease_epoch = 1});
  EXPECT_TRUE(leases_.Groups().empty());
}

TEST_F(LeaseGroupTest, ItIsKeptOverANewStreamUntilItIsDissolved) {
  Hold(1, 2);
  leases_.SetGroup(leases_.TakeSettled(), 77);
  leases_.ForgetHeartbeats();
  EXPECT_TRUE(leases_.TakeUnconfirmed().empty());
  leases_.Dissolve(78);
  EXPECT_EQ(leases_.Groups().size(), 1u);
  leases_.DissolveAll();
  EXPECT_TRUE(leases_.Groups().empty());
  EXPECT_EQ(Ids(leases_.TakeUnconfirmed()), std::vector<int64_t>{1});
  EXPECT_TRUE(leases_.TakeSettled().empty());  // It has to be renewed for a while again.
}

TEST_F(LeaseGroupTest, WhatIsToJoinAnotherIsNotRenewedWithItsOwnAnyMore) {
  Hold(1, 2);
  leases_.SetGroup(leases_.TakeSettled(), 77);
  Hold(2, 2);
  EXPECT_EQ(leases_.TakeSettled().size(), 2u);
  EXPECT_TRUE(leases_.Groups().empty());
  EXPECT_EQ(leases_.TakeSingle().size(), 2u) << "if nothing comes of it";
  clock_.now += seconds(60);
  leases_.RenewGroups({77}, clock_.now + seconds(10));
  EXPECT_FALSE(leases_.IsValid({.task_id = 1, .lease_epoch = 1}));
}

TEST_F(LeaseGroupTest, WhatIsNoLargerJoins) {
  int64_t id = 0;
  const auto settle = [&](int count, int64_t group) {
    for (int i = 0; i < count; ++i) Hold(++id, 2);
    leases_.SetGroup(leases_.TakeSettled(), group);
  };
  settle(4, 77);
  settle(1, 78);
  EXPECT_EQ(leases_.Groups().size(), 2u);
  settle(1, 79);  // With that of 78.
  EXPECT_EQ(leases_.Groups().size(), 2u);
  settle(2, 80);  // With those of 79, and then 77.
  EXPECT_EQ(leases_.Groups(), std::vector<LeaseGroup>({{80, 8, 36, 8}}));
}

}  // namespace
}  // namespace longshore
