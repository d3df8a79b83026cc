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

}  // namespace
}  // namespace longshore
