// The task executor's maintenance, one job after the other, against real PostgreSQL.
#include "api_server/executor/housekeeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_server/executor/testing/fake_session.h"
#include "api_server/executor/testing/recorded_signals.h"
#include "api_server/executor/testing/refuse_updates.h"
#include "storage/instance_task_store.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class HousekeeperTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    constexpr int64_t kMaxOutputBytes = 100;
    claimer_ = std::make_unique<Claimer>(database_.get(), &workers_, &signals_,
                                         storage::ClaimOptions{}, kMaxOutputBytes);
    ender_ = std::make_unique<TaskEnder>(database_.get(), &signals_, kMaxOutputBytes);
    housekeeper_ = std::make_unique<Housekeeper>(
        database_.get(), &workers_, &signals_, claimer_.get(), ender_.get(),
        HousekeeperOptions{.delivery_timeout = std::chrono::seconds(7),
                           .execution_grace = std::chrono::seconds(11),
                           .max_output_bytes = kMaxOutputBytes});
    instance_ = AddInstance("a");
    task_ = AddPayload(instance_, "/x");
  }

  void Change(const std::string& columns, int64_t task) {
    const absl::Status status =
        Sql("UPDATE tasks SET " + columns + " WHERE id = " + std::to_string(task));
    ASSERT_TRUE(status.ok()) << status;
  }
  void SetExecuting(int64_t payload) { Start(payload); }
  void DoJobs() {
    const absl::Status status = housekeeper_->DoJobs();
    ASSERT_TRUE(status.ok()) << status;
  }
  // An instance whose time to be provisioned is over, with a payload that waits for it; returns the
  // payload's id.
  int64_t AddOverdueProvision(const std::string& name) {
    const int64_t instance = AddInstance(name);
    int64_t provision = 0;
    Do([&](storage::Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(provision, storage::instance_task_store::Insert(
                                      c, {.type = v1::TASK_TYPE_PROVISION_INSTANCE,
                                          .instance_id = instance,
                                          .time_limit = std::chrono::seconds(60)}));
      return absl::OkStatus();
    });
    EXPECT_TRUE(
        Sql("UPDATE instances SET status = 'CREATED' WHERE id = " + std::to_string(instance)).ok());
    Change("deliver_by = now() - interval '1 s', error = 'no disk'", provision);
    const int64_t task = AddPayload(instance, "/x");
    Change("blocked_by = " + std::to_string(provision), task);
    return std::stoll(
        QueryValue("SELECT payload_id FROM tasks WHERE id = " + std::to_string(task)));
  }
  // A run directory that is due to be removed, of a payload that has run.
  void AddDueCleanup() {
    ASSERT_THAT(Claim(1), ElementsAre(task_));
    Do([&](storage::Connection& c) {
      return storage::task_store::End(c, {Completed(task_, instance_)}, limit_);
    });
    ASSERT_TRUE(Sql("UPDATE run_cleanups SET run_at = now()").ok());
  }
  std::shared_ptr<FakeSession> AddWorker(int credit) {
    auto session = std::make_shared<FakeSession>("w");
    workers_.Add(session, "w", credit);
    return session;
  }

  WorkerRegistry workers_;
  RecordedSignals signals_;
  std::unique_ptr<Claimer> claimer_;
  std::unique_ptr<TaskEnder> ender_;
  std::unique_ptr<Housekeeper> housekeeper_;
  int64_t instance_ = 0;
  int64_t task_ = 0;
};

TEST_F(HousekeeperTest, LeavesAloneWhatIsInTime) {
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  const int64_t pending = AddPayload(AddInstance("b"), "/x");
  DoJobs();
  EXPECT_EQ(Payload(pending).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(QueryValue("SELECT status FROM tasks WHERE id = 1"), "RUNNING");
  EXPECT_THAT(signals_.payloads(), IsEmpty());
}

TEST_F(HousekeeperTest, ATaskWhoseLeaseRanOutIsDueAgain) {
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  Change("lease_until = now() - interval '1 s'", task_);
  DoJobs();
  EXPECT_THAT(Claim(1), ElementsAre(task_));
}

TEST_F(HousekeeperTest, AnExpiredLeaseThatCannotGoBackDoesNotHoldUpTheOthers) {
  const int64_t other = AddPayload(AddInstance("b"), "/x");
  ASSERT_THAT(Claim(2), SizeIs(2));
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 s'").ok());
  ASSERT_TRUE(Sql(RefuseUpdates("tasks", "NEW.id = 1 AND NEW.status = 'PENDING'")).ok());
  DoJobs();
  EXPECT_THAT(Claim(2), ElementsAre(other));
}

TEST_F(HousekeeperTest, ATaskThatWaitsWhereNothingRunsIsWoken) {
  Change("waiting_since = now()", task_);
  ASSERT_THAT(Claim(1), IsEmpty());
  DoJobs();
  EXPECT_THAT(Claim(1), ElementsAre(task_));
}

TEST_F(HousekeeperTest, ATaskThatWaitsWhereSomethingRunsIsLeftToItsEnd) {
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  const int64_t waiting = AddPayload(instance_, "/y");
  Change("waiting_since = now()", waiting);
  DoJobs();
  EXPECT_THAT(Claim(1), IsEmpty());
}

TEST_F(HousekeeperTest, WhatWasNotDeliveredInTimeFails) {
  Change("deliver_by = now() - interval '1 s', error = 'no route'", task_);
  DoJobs();
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_DELIVERY_TIMEOUT);
  EXPECT_EQ(Payload(task_).error(),
            "not started within 7 s (--delivery_timeout); last error: no route");
  EXPECT_FALSE(Payload(task_).executed());
  EXPECT_THAT(signals_.payloads(), ElementsAre(task_));
}

TEST_F(HousekeeperTest, WhatWasCancelledAndNotDeliveredInTimeIsCancelled) {
  Change("deliver_by = now() - interval '1 s', cancel_requested = true", task_);
  DoJobs();
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_CANCELLED);
}

TEST_F(HousekeeperTest, ADeliveryThatIsHeldPastTheGraceMayHaveStarted) {
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  Change("deliver_by = now() - interval '10 s'", task_);
  DoJobs();
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_PENDING) << "within the grace of 11 s";
  Change("deliver_by = now() - interval '12 s'", task_);
  DoJobs();
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_UNREACHABLE);
  EXPECT_THAT(Payload(task_).error(), HasSubstr("whether it ran is not known"));
  EXPECT_TRUE(Payload(task_).executed());
}

TEST_F(HousekeeperTest, AScriptThatNobodyReachesAnyMoreHasNoKnownResult) {
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  SetExecuting(task_);
  Change("status = 'PENDING', lease_until = NULL, deliver_by = now() - interval '1 s'", task_);
  DoJobs();
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_UNREACHABLE);
  EXPECT_THAT(Payload(task_).error(), HasSubstr("its result is unknown"));
}

TEST_F(HousekeeperTest, AnExecutionThatItsInstanceDoesNotEndIsEnded) {
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  SetExecuting(task_);
  Change("end_by = now() - interval '1 s'", task_);
  DoJobs();
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_EXECUTION_TIMEOUT);
  EXPECT_THAT(Payload(task_).error(), HasSubstr("its timeout of 60 s was over for 11 s"));
  EXPECT_EQ(QueryValue("SELECT count(*)::text FROM run_cleanups"), "1");
}

TEST_F(HousekeeperTest, AnEndThatTheDatabaseRefusesDoesNotHoldUpTheOthers) {
  const int64_t second = AddPayload(AddInstance("b"), "/x");
  const int64_t third = AddPayload(AddInstance("c"), "/x");
  ASSERT_TRUE(Sql("UPDATE tasks SET deliver_by = now() - interval '1 s'").ok());
  ASSERT_TRUE(Sql(RefuseUpdates("payloads", "NEW.id = 2")).ok());
  DoJobs();
  EXPECT_EQ(Payload(second).status(), v1::PAYLOAD_STATUS_PENDING);
  for (int64_t task : {task_, third}) {
    EXPECT_EQ(Payload(task).failure_reason(), v1::FAILURE_REASON_DELIVERY_TIMEOUT);
  }
  EXPECT_THAT(signals_.payloads(), UnorderedElementsAre(task_, third));
}

TEST_F(HousekeeperTest, AnInstanceThatWasNotProvisionedInTimeFailsWithWhatWaitsForIt) {
  const int64_t payload = AddOverdueProvision("b");
  DoJobs();
  EXPECT_EQ(QueryValue("SELECT status || ': ' || status_error FROM instances WHERE name = 'b'"),
            "FAILED: not provisioned in time; last: no disk");
  EXPECT_EQ(Payload(payload).failure_reason(), v1::FAILURE_REASON_DEPENDENCY_FAILED);
  EXPECT_THAT(signals_.payloads(), ElementsAre(payload));
}

TEST_F(HousekeeperTest, ARunDirectoryThatIsLeftIsGivenToAWorkerWithCredit) {
  AddDueCleanup();
  DoJobs();
  EXPECT_EQ(QueryValue("SELECT failures::text FROM run_cleanups"), "0") << "no worker has credit";
  const auto worker = AddWorker(2);
  DoJobs();
  const auto assignments = worker->TakeAssignments();
  ASSERT_THAT(assignments, SizeIs(1));
  EXPECT_TRUE(assignments[0].cleanup());
  EXPECT_EQ(assignments[0].payload_id(), task_);
  EXPECT_THAT(workers_.TakeCredit(10), SizeIs(1)) << "what was not needed is given back";
  DoJobs();
  EXPECT_FALSE(worker->HasMessages()) << "it is not due again before its delay";
}

TEST_F(HousekeeperTest, TheFaultOfOneJobIsToldAfterTheOthersAreDone) {
  AddDueCleanup();
  AddOverdueProvision("b");
  ASSERT_TRUE(Sql(RefuseUpdates("instances", "NEW.status = 'FAILED'")).ok());
  const auto worker = AddWorker(1);
  EXPECT_THAT(std::string(housekeeper_->DoJobs().message()), HasSubstr("this row is refused"));
  EXPECT_THAT(worker->TakeAssignments(), SizeIs(1)) << "the cleanup comes after it";
}

TEST_F(HousekeeperTest, SaysWhenTheDatabaseIsAway) {
  storage::Database away({.url = "postgresql://127.0.0.1:1/none"});
  TaskEnder ender(&away, &signals_, 100);
  Housekeeper housekeeper(&away, &workers_, &signals_, claimer_.get(), &ender, {});
  EXPECT_TRUE(absl::IsUnavailable(housekeeper.DoJobs()));
}

}  // namespace
}  // namespace longshore::executor
