// Leases that are renewed together, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <thread>
#include <utility>

#include "storage/testing/database_fixture.h"
#include "storage/testing/held_transaction.h"

namespace longshore::storage {
namespace {

using lease_store::GroupRenewal;
using lease_store::LeaseGroup;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr milliseconds kLease = seconds(10);
constexpr char kWaiting[] =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND wait_event_type = 'Lock'";

class LeaseGroupTest : public DatabaseFixture {
 protected:
  void SetUp() override {
    DatabaseFixture::SetUp();
    for (const char* name : {"a", "b", "c"}) {
      instances_.push_back(AddInstance(name));
      tasks_.push_back(AddPayload(instances_.back(), "/x"));
    }
    ASSERT_THAT(Claim(3), SizeIs(3));
  }

  std::vector<HeldLease> Leases(int64_t epoch = 1, const std::string& worker = "w") const {
    std::vector<HeldLease> leases;
    leases.reserve(tasks_.size());
    for (const int64_t task : tasks_) leases.push_back({task, epoch, worker});
    return leases;
  }
  lease_store::NewLeaseGroup Make(const std::vector<HeldLease>& leases) {
    lease_store::NewLeaseGroup group;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(group, lease_store::MakeGroup(c, leases, kLease));
      return absl::OkStatus();
    });
    return group;
  }
  // By itself.
  static absl::Status RenewOne(Connection& c, const HeldLease& lease,
                               std::chrono::milliseconds duration = kLease) {
    ASSIGN_OR_RETURN(const auto renewed, lease_store::Renew(c, {lease}, duration));
    if (!renewed.empty()) return absl::OkStatus();
    return lease_store::RenewGrouped(c, {lease}, duration).status();
  }
  // What the worker says of a group of all three.
  LeaseGroup All(int64_t id) const {
    return {.id = id,
            .worker = "w",
            .tasks = 3,
            .task_id_sum = tasks_[0] + tasks_[1] + tasks_[2],
            .lease_epoch_sum = 3};
  }
  std::vector<GroupRenewal> Renew(const LeaseGroup& group) {
    std::vector<GroupRenewal> renewed;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(renewed, lease_store::RenewGroups(c, {group}, kLease));
      return absl::OkStatus();
    });
    return renewed;
  }
  std::vector<int64_t> Expired() {
    std::vector<int64_t> expired;
    Do([&](Connection& c) -> absl::Status {
      RETURN_IF_ERROR(lease_store::EndGroups(c));
      ASSIGN_OR_RETURN(expired, lease_store::FindExpired(c, 10));
      return absl::OkStatus();
    });
    return expired;
  }
  int64_t Reap(const std::vector<int64_t>& ids) {
    int64_t reaped = 0;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(reaped, lease_store::ReapExpired(c, ids));
      return absl::OkStatus();
    });
    return reaped;
  }
  // Renews a group while `change`, which takes a task out of it, is not committed yet; returns what
  // was renewed once it is.
  std::vector<GroupRenewal> RenewBeside(const std::function<absl::Status(Connection&)>& change,
                                        const LeaseGroup& group) {
    HeldTransaction held(database_.get(), change);
    auto renewed = std::async(std::launch::async, [&] { return Renew(group); });
    while (QueryValue(kWaiting) == "0") {
    }
    held.Release();
    return renewed.get();
  }
  void PassTime() {
    ASSERT_TRUE(Sql("UPDATE lease_groups SET lease_until = now() - interval '1 s'").ok());
  }
  std::string Status(int64_t task) {
    return QueryValue("SELECT status FROM tasks WHERE id = " + std::to_string(task));
  }

  std::vector<int64_t> instances_;
  std::vector<int64_t> tasks_;
};

TEST_F(LeaseGroupTest, ARenewalOfTheGroupRenewsAll) {
  const auto group = Make(Leases());
  EXPECT_GT(group.id, 0);
  EXPECT_THAT(group.renewals, SizeIs(3));
  // Whatever the clock says, and whatever an api_server that knows no groups looks at.
  EXPECT_EQ(QueryValue("SELECT count(*) FROM tasks WHERE lease_until > now() + interval '1 year'"),
            "3");
  ASSERT_TRUE(Sql("UPDATE lease_groups SET lease_until = now() + interval '1 millisecond'").ok());
  EXPECT_THAT(Renew(All(group.id)), SizeIs(1));
  EXPECT_EQ(
      QueryValue("SELECT count(*) FROM lease_groups WHERE lease_until > now() + interval '5 s'"),
      "1");
  EXPECT_THAT(Expired(), IsEmpty());
}

TEST_F(LeaseGroupTest, ItsEndIsTheEndOfAllItsLeases) {
  const auto group = Make(Leases());
  PassTime();
  EXPECT_THAT(Expired(), UnorderedElementsAre(tasks_[0], tasks_[1], tasks_[2]));
  // Nothing brings it back.
  EXPECT_THAT(Renew(All(group.id)), IsEmpty());
  EXPECT_EQ(Reap(tasks_), 3);
  EXPECT_EQ(Status(tasks_[0]), "PENDING");
  EXPECT_THAT(Make(Leases()).renewals, IsEmpty());
  // The next holder's lease is its own.
  EXPECT_THAT(Claim(3), SizeIs(3));
  EXPECT_THAT(Expired(), IsEmpty());
  EXPECT_THAT(Renew(All(group.id)), IsEmpty());
}

TEST_F(LeaseGroupTest, NobodyElseRenewsIt) {
  const auto group = Make(Leases());
  LeaseGroup of_another = All(group.id);
  of_another.worker = "x";
  EXPECT_THAT(Renew(of_another), IsEmpty());
  EXPECT_EQ(Make(Leases(/*epoch=*/1, "x")).id, 0);
  EXPECT_EQ(Make(Leases(/*epoch=*/2)).id, 0);
  EXPECT_THAT(Renew(All(group.id)), SizeIs(1));
}

TEST_F(LeaseGroupTest, AWorkerThatKnowsOtherTasksDoesNotRenewIt) {
  const auto group = Make(Leases());
  Do([&](Connection& c) {
    return task_store::End(c, {Completed(tasks_[1], instances_[1])}, limit_);
  });
  EXPECT_THAT(Renew(All(group.id)), IsEmpty());
  LeaseGroup two = All(group.id);
  two.tasks = 2;
  two.lease_epoch_sum = 2;
  two.task_id_sum = tasks_[1] + tasks_[2];  // Not the two that are left.
  EXPECT_THAT(Renew(two), IsEmpty());
  two.task_id_sum = tasks_[0] + tasks_[2];
  EXPECT_THAT(Renew(two), SizeIs(1));
  two.lease_epoch_sum = 3;
  EXPECT_THAT(Renew(two), IsEmpty());
}

TEST_F(LeaseGroupTest, ALeaseThatIsRenewedByItselfLeaves) {
  const auto group = Make(Leases());
  Do([&](Connection& c) { return RenewOne(c, Leases()[0]); });
  EXPECT_THAT(Renew(All(group.id)), IsEmpty());
  PassTime();
  EXPECT_THAT(Expired(), UnorderedElementsAre(tasks_[1], tasks_[2]));
  // As does one that becomes another group's.
  const auto other = Make({Leases()[1]});
  EXPECT_THAT(other.renewals, SizeIs(1));
  EXPECT_THAT(Expired(), ElementsAre(tasks_[2]));
}

TEST_F(LeaseGroupTest, ARenewalThatHasSeenATaskWhichLeavesDoesNotCount) {
  const auto group = Make(Leases());
  const auto renew_one = [&](Connection& c) { return RenewOne(c, Leases()[0]); };
  EXPECT_THAT(RenewBeside(renew_one, All(group.id)), IsEmpty());
  const auto again = Make(Leases());
  const auto move_one = [&](Connection& c) {
    return lease_store::MakeGroup(c, {Leases()[0]}, kLease).status();
  };
  EXPECT_THAT(RenewBeside(move_one, All(again.id)), IsEmpty());
}

// A renewal one by one has begun, and waits for another task's row, when the task becomes a
// group's.
TEST_F(LeaseGroupTest, ARenewalThatBeganBeforeTheGroupLeavesIt) {
  HeldTransaction held(database_.get(),
                       [&](Connection& c) { return task_store::Lock(c, {tasks_[0]}).status(); });
  std::thread late([&] {
    Do([&](Connection& c) {
      return lease_store::Renew(c, {Leases()[0], Leases()[2]}, std::chrono::hours(1)).status();
    });
  });
  while (QueryValue(kWaiting) == "0") {
  }
  const auto group = Make({Leases()[2]});
  held.Release();
  late.join();
  ASSERT_GT(group.id, 0) << "the renewal comes to the locked row first";
  EXPECT_EQ(QueryValue("SELECT lease_until > now() + interval '1 year' FROM tasks WHERE id = " +
                       std::to_string(tasks_[2])),
            "t");
}

TEST_F(LeaseGroupTest, NothingMovesAnEndBack) {
  const auto longer = std::chrono::hours(1);
  const auto group = Make(Leases());
  Do([&](Connection& c) { return lease_store::RenewGroups(c, {All(group.id)}, longer).status(); });
  EXPECT_THAT(Renew(All(group.id)), SizeIs(1));
  EXPECT_EQ(QueryValue("SELECT lease_until > now() + interval '50 min' FROM lease_groups"), "t");
  Do([&](Connection& c) -> absl::Status {
    RETURN_IF_ERROR(RenewOne(c, Leases()[0], longer));
    return RenewOne(c, Leases()[0]);
  });
  EXPECT_EQ(QueryValue("SELECT lease_until BETWEEN now() + interval '50 min' AND now() +"
                       " interval '70 min' FROM tasks WHERE id = " +
                       std::to_string(tasks_[0])),
            "t");
}

// The worker counts on what an api_server with longer leases has told it.
TEST_F(LeaseGroupTest, WhoeverLeavesAGroupKeepsItsTime) {
  const auto longer = std::chrono::hours(1);
  const auto group = Make(Leases());
  Do([&](Connection& c) { return lease_store::RenewGroups(c, {All(group.id)}, longer).status(); });
  Do([&](Connection& c) { return RenewOne(c, Leases()[0]); });
  EXPECT_EQ(QueryValue("SELECT lease_until BETWEEN now() + interval '50 min' AND now() +"
                       " interval '70 min' FROM tasks WHERE id = " +
                       std::to_string(tasks_[0])),
            "t");
  const auto until_of = [&](int64_t id) {
    return QueryValue(
        "SELECT lease_until > now() + interval '50 min' FROM lease_groups WHERE id = " +
        std::to_string(id));
  };
  // From a lease of its own, from a group, and from neither.
  EXPECT_EQ(until_of(Make({Leases()[0]}).id), "t");
  EXPECT_EQ(until_of(Make({Leases()[1]}).id), "t");
  Do([&](Connection& c) { return task_store::Release(c, {Leases()[2]}); });
  ASSERT_THAT(Claim(1), SizeIs(1));
  EXPECT_EQ(until_of(Make({{tasks_[2], 2, "w"}}).id), "f");
}

TEST_F(LeaseGroupTest, WhoIsStoppedWithItHoldsUpNothingElse) {
  const auto stopped = Make({Leases()[0]});
  Make({Leases()[1]});
  PassTime();
  const auto longer = std::chrono::hours(1);
  Do([&](Connection& c) { return RenewOne(c, Leases()[2], longer); });
  HeldTransaction held(database_.get(),
                       [&](Connection& c) { return RenewOne(c, Leases()[0], longer); });
  EXPECT_THAT(Expired(), ElementsAre(tasks_[1]));
  held.Release();
  EXPECT_THAT(Expired(), ElementsAre(tasks_[1]));
  EXPECT_GT(stopped.id, 0);
}

// It has locked a lease and is stopped. Another api_server is to renew it in time.
TEST_F(LeaseGroupTest, ATransactionThatIsLeftIdleEnds) {
  std::promise<void> locked;
  std::promise<void> goes_on;
  std::thread stopped([&] {
    bool is_first = true;
    const absl::Status status = database_->Transact([&](Connection& c) -> absl::Status {
      if (!std::exchange(is_first, false)) return absl::CancelledError("the second time");
      RETURN_IF_ERROR(RenewOne(c, Leases()[0], std::chrono::hours(1)));
      RETURN_IF_ERROR(lease_store::LimitIdle(c, milliseconds(1)));
      locked.set_value();
      goes_on.get_future().wait();
      return absl::OkStatus();
    });
    EXPECT_FALSE(status.ok());
  });
  locked.get_future().wait();
  int tries = 0;
  Do([&](Connection& c) {
    ++tries;
    return RenewOne(c, Leases()[0]);
  });
  EXPECT_EQ(tries, 1) << "it waits for the lock no longer than it may";
  goes_on.set_value();
  stopped.join();
  EXPECT_EQ(QueryValue("SELECT lease_until < now() + interval '50 min' FROM tasks WHERE id = " +
                       std::to_string(tasks_[0])),
            "t");
}

TEST_F(LeaseGroupTest, WhatIsLockedStaysAsItIs) {
  HeldTransaction held(database_.get(),
                       [&](Connection& c) { return task_store::Lock(c, {tasks_[0]}).status(); });
  EXPECT_THAT(Make(Leases()).renewals, SizeIs(2));
  EXPECT_EQ(Make({Leases()[0]}).id, 0);
}

TEST_F(LeaseGroupTest, ItIsDeletedWhenNothingIsInItAnyMore) {
  Make(Leases());
  PassTime();
  ASSERT_THAT(Expired(), SizeIs(3));
  const auto left = [&] {
    Do([](Connection& c) { return lease_store::DeleteGroups(c); });
    return QueryValue("SELECT count(*) FROM lease_groups");
  };
  EXPECT_EQ(Reap({tasks_[0], tasks_[1]}), 2);
  EXPECT_EQ(left(), "1");
  EXPECT_EQ(Reap({tasks_[2]}), 1);
  EXPECT_EQ(left(), "0");
}

TEST_F(LeaseGroupTest, ItTellsWhichAreToStop) {
  const auto group = Make(Leases());
  ASSERT_TRUE(Sql("UPDATE tasks SET cancel_requested = true, recall_requested = true WHERE id = " +
                  std::to_string(tasks_[0]))
                  .ok());
  ASSERT_TRUE(
      Sql("UPDATE tasks SET recall_requested = true WHERE id = " + std::to_string(tasks_[1])).ok());
  const auto renewed = Renew(All(group.id));
  ASSERT_THAT(renewed, SizeIs(1));
  EXPECT_THAT(renewed[0].cancel_task_ids, ElementsAre(tasks_[0]));
  EXPECT_THAT(renewed[0].recall_task_ids, ElementsAre(tasks_[1]));
}

// The lease of one task has run out, and who reaps it has found it; then its late holder makes a
// group of it, and has not committed when it is reaped.
TEST_F(LeaseGroupTest, AGroupThatIsBeingMadeIsNotReaped) {
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 s'").ok());
  ASSERT_THAT(Expired(), SizeIs(3));
  HeldTransaction held(database_.get(), [&](Connection& c) {
    return lease_store::MakeGroup(c, Leases(), kLease).status();
  });
  EXPECT_EQ(Reap(tasks_), 0);
  held.Release();
  EXPECT_EQ(Reap(tasks_), 0);
  EXPECT_EQ(Status(tasks_[0]), "RUNNING");
}

}  // namespace
}  // namespace longshore::storage
