// What becomes of an instance and of what waits for it, against real PostgreSQL.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_server/executor/event_applier.h"
#include "common/policy.h"
#include "storage/instance_task_store.h"
#include "storage/provision_store.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using storage::Connection;
namespace instance_task_store = storage::instance_task_store;
namespace provision_store = storage::provision_store;

class ProvisionEventsTest : public storage::DatabaseFixture {
 protected:
  // An instance that has been created, with its task to be provisioned, and a payload that waits.
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    applier_ = std::make_unique<EventApplier>(
        database_.get(),
        ApplierOptions{.retry_backoff = {.initial = std::chrono::milliseconds(0),
                                         .maximum = std::chrono::milliseconds(0)}});
    instance_ = AddInstance("a");
    ASSERT_TRUE(Sql("UPDATE instances SET status = 'CREATED'").ok());
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(provision_,
                       instance_task_store::Insert(c, {.type = v1::TASK_TYPE_PROVISION_INSTANCE,
                                                       .instance_id = instance_,
                                                       .time_limit = policy::kProvisionTimeLimit}));
      return absl::OkStatus();
    });
    payload_task_ = AddPayload(instance_, "/x");
    ASSERT_TRUE(Sql("UPDATE tasks SET blocked_by = " + std::to_string(provision_) +
                    " WHERE payload_id IS NOT NULL")
                    .ok());
  }

  std::vector<storage::ProvisionClaim> ClaimProvisions() {
    std::vector<storage::ProvisionClaim> claimed;
    Do([&](Connection& c) -> absl::Status {
      claimed.clear();
      ASSIGN_OR_RETURN(const auto claims, provision_store::Claim(c, storage::Reach(), "w", 10,
                                                                 policy::kLeaseDuration));
      for (const auto& claim : claims) claimed.push_back(claim);
      return absl::OkStatus();
    });
    return claimed;
  }

  ApplyOutcome Say(int64_t epoch, const v1::Provisioned& provisioned) {
    v1::TaskEvent event;
    event.set_task_id(provision_);
    event.set_lease_epoch(epoch);
    *event.mutable_provisioned() = provisioned;
    ApplyOutcome outcome;
    const absl::Status status = applier_->Apply({{&event, "w"}}, &outcome);
    EXPECT_TRUE(status.ok()) << status;
    return outcome;
  }

  static v1::Provisioned Ready() {
    v1::Provisioned provisioned;
    provisioned.set_ready(true);
    provisioned.set_log("all well\n");
    return provisioned;
  }
  static v1::Provisioned NotReady(bool retry) {
    v1::Provisioned provisioned;
    provisioned.set_retry(retry);
    provisioned.set_error("no disk");
    provisioned.set_log("tried\n");
    return provisioned;
  }

  std::string InstanceStatus() { return QueryValue("SELECT status FROM instances"); }
  std::string TaskStatus() {
    return QueryValue("SELECT status FROM tasks WHERE type = 'PROVISION_INSTANCE'");
  }
  std::string PayloadEnd() {
    return QueryValue("SELECT status || ' ' || failure_reason FROM payloads");
  }

  std::unique_ptr<EventApplier> applier_;
  int64_t instance_ = 0;
  int64_t provision_ = 0;
  int64_t payload_task_ = 0;
};

TEST_F(ProvisionEventsTest, AReadyInstanceTakesItsPayload) {
  EXPECT_THAT(Claim(1), ::testing::IsEmpty()) << "not before";
  const auto claimed = ClaimProvisions();
  ASSERT_EQ(claimed.size(), 1u);
  EXPECT_EQ(claimed[0].task_id, provision_);
  EXPECT_EQ(claimed[0].instance_name, "a");
  EXPECT_EQ(InstanceStatus(), "PROVISIONING");
  EXPECT_TRUE(ClaimProvisions().empty());
  EXPECT_TRUE(Say(1, Ready()).tasks_freed);
  EXPECT_EQ(InstanceStatus(), "READY");
  EXPECT_EQ(TaskStatus(), "COMPLETED");
  EXPECT_EQ(QueryValue("SELECT log FROM task_logs"), "all well\n");
  EXPECT_THAT(Claim(1), ::testing::ElementsAre(payload_task_));
}

TEST_F(ProvisionEventsTest, AWordFromAnEarlierLeaseDoesNotCount) {
  ClaimProvisions();
  ASSERT_TRUE(Sql("UPDATE tasks SET status = 'PENDING', lease_until = NULL WHERE id = " +
                  std::to_string(provision_))
                  .ok());
  ClaimProvisions();
  EXPECT_EQ(Say(1, Ready()).lost.size(), 1u);
  EXPECT_EQ(InstanceStatus(), "PROVISIONING");
  EXPECT_TRUE(Say(2, Ready()).lost.empty());
  EXPECT_TRUE(Say(2, Ready()).lost.empty()) << "a repeat";
  EXPECT_EQ(QueryValue("SELECT log FROM task_logs"), "all well\n") << "once";
}

TEST_F(ProvisionEventsTest, AFailureFailsTheInstanceAndWhatWaits) {
  ClaimProvisions();
  EXPECT_EQ(Say(1, NotReady(/*retry=*/false)).changed_payloads.size(), 1u);
  EXPECT_EQ(InstanceStatus(), "FAILED");
  EXPECT_EQ(QueryValue("SELECT status_error FROM instances"), "no disk");
  EXPECT_EQ(TaskStatus(), "FAILED");
  EXPECT_EQ(PayloadEnd(), "FAILED DEPENDENCY_FAILED");
}

TEST_F(ProvisionEventsTest, IsTriedThrice) {
  for (int64_t epoch = 1; epoch <= 3; ++epoch) {
    EXPECT_EQ(InstanceStatus(), epoch == 1 ? "CREATED" : "PROVISIONING");
    ASSERT_EQ(ClaimProvisions().size(), 1u) << epoch;
    Say(epoch, NotReady(/*retry=*/true));
  }
  EXPECT_EQ(InstanceStatus(), "FAILED");
  EXPECT_EQ(QueryValue("SELECT log FROM task_logs"), "tried\ntried\ntried\n");
}

TEST_F(ProvisionEventsTest, IsTriedWhileItIsUnreachableUntilItsTimeIsOver) {
  v1::Provisioned unreachable = NotReady(/*retry=*/true);
  unreachable.set_unreachable(true);
  for (int64_t epoch = 1; epoch <= 6; ++epoch) {
    if (epoch == 6) {
      ASSERT_TRUE(Sql("UPDATE tasks SET deliver_by = now()").ok());
    }
    ASSERT_EQ(ClaimProvisions().size(), 1u) << epoch;
    Say(epoch, unreachable);
  }
  EXPECT_EQ(InstanceStatus(), "FAILED");
}

TEST_F(ProvisionEventsTest, ACancelledOneEndsWithoutFailing) {
  ClaimProvisions();
  ASSERT_TRUE(Sql("UPDATE instances SET terminating = true").ok());
  Say(1, NotReady(/*retry=*/true));
  EXPECT_EQ(TaskStatus(), "CANCELLED");
  EXPECT_EQ(InstanceStatus(), "PROVISIONING") << "the terminate task has the last word";
}

TEST_F(ProvisionEventsTest, AWordOnAPayloadIsNotTakenForIt) {
  ClaimProvisions();
  v1::TaskEvent event;
  event.set_task_id(provision_);
  event.set_lease_epoch(1);
  event.mutable_finished()->set_status(v1::PAYLOAD_STATUS_TRANSFERRED);
  ApplyOutcome outcome;
  EXPECT_TRUE(applier_->Apply({{&event, "w"}}, &outcome).ok());
  EXPECT_EQ(outcome.lost.size(), 1u);
  EXPECT_EQ(TaskStatus(), "PENDING") << "another try, like one that failed";
}

}  // namespace
}  // namespace longshore::executor
