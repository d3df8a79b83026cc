// What goes to which worker, and what becomes of the rest, against real PostgreSQL.
#include "api_server/executor/claimer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_server/executor/provision_claimer.h"
#include "api_server/executor/testing/fake_session.h"
#include "api_server/executor/testing/recorded_signals.h"
#include "api_server/executor/testing/refuse_updates.h"
#include "common/policy.h"
#include "storage/instance_task_store.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class ClaimerTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    claimer_ = std::make_unique<Claimer>(database_.get(), &workers_, &signals_,
                                         storage::ClaimOptions{}, /*max_output_bytes=*/100);
  }

  std::shared_ptr<FakeSession> AddWorker(const std::string& name, int credit) {
    auto session = std::make_shared<FakeSession>(name);
    workers_.Add(session, name, credit);
    return session;
  }
  // The tasks that were assigned to the worker since the last call.
  static std::vector<int64_t> Assigned(FakeSession& session) {
    std::vector<int64_t> ids;
    for (const v1::Assignment& each : session.TakeAssignments()) ids.push_back(each.task_id());
    return ids;
  }
  // `count` payloads, each on an instance of its own; returns their tasks.
  std::vector<int64_t> AddPayloads(int count) {
    std::vector<int64_t> tasks;
    tasks.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      tasks.push_back(AddPayload(AddInstance("i" + std::to_string(i)), "/x"));
    }
    return tasks;
  }
  int64_t AddProvision(const std::string& instance_name) {
    const int64_t instance = AddInstance(instance_name);
    int64_t task = 0;
    Do([&](storage::Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(
          task, storage::instance_task_store::Insert(c, {.type = v1::TASK_TYPE_PROVISION_INSTANCE,
                                                         .instance_id = instance,
                                                         .time_limit = std::chrono::seconds(60)}));
      return absl::OkStatus();
    });
    return task;
  }
  v1::Task Task(int64_t id) {
    v1::Task task;
    Do([&](storage::Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(const auto found,
                       storage::task_store::Get(c, storage::Scope::Everything(), id));
      task = *found;
      return absl::OkStatus();
    });
    return task;
  }

  WorkerRegistry workers_;
  RecordedSignals signals_;
  std::unique_ptr<Claimer> claimer_;
};

TEST_F(ClaimerTest, GivesEachWorkerAsManyTasksAsItHasCreditFor) {
  AddPayloads(4);
  const auto one = AddWorker("one", 1);
  const auto two = AddWorker("two", 2);
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_THAT(Assigned(*one), SizeIs(1));
  EXPECT_THAT(Assigned(*two), SizeIs(2));
  EXPECT_FALSE(workers_.HasCredit());
  EXPECT_THAT(Claim(10), SizeIs(1)) << "the fourth is still due";
}

TEST_F(ClaimerTest, CreditThatNothingIsDueForIsKept) {
  const auto tasks = AddPayloads(1);
  const auto worker = AddWorker("w", 2);
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_EQ(Assigned(*worker), tasks);
  const auto later = AddPayload(AddInstance("later"), "/x");
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_THAT(Assigned(*worker), ElementsAre(later));
  EXPECT_FALSE(workers_.HasCredit());
}

TEST_F(ClaimerTest, WhatAWorkerThatLeftDidNotGetIsDueAgain) {
  const auto tasks = AddPayloads(1);
  AddWorker("gone", 1)->Leave();
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_EQ(Task(tasks[0]).status(), v1::TASK_STATUS_PENDING);
  const auto worker = AddWorker("w", 1);
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_EQ(Assigned(*worker), tasks);
  EXPECT_EQ(Task(tasks[0]).attempt(), 2);
}

TEST_F(ClaimerTest, ARowThatCannotBeClaimedEndsAloneAndTheOthersGo) {
  const auto tasks = AddPayloads(3);
  ASSERT_TRUE(Sql(RefuseUpdates("tasks", "NEW.id = 2 AND NEW.status = 'RUNNING'")).ok());
  const auto worker = AddWorker("w", 10);
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_THAT(Assigned(*worker), UnorderedElementsAre(tasks[0], tasks[2]));
  EXPECT_EQ(Payload(tasks[1]).failure_reason(), v1::FAILURE_REASON_INTERNAL);
  EXPECT_NE(Payload(tasks[1]).error().find("this row is refused"), std::string::npos);
  EXPECT_THAT(signals_.payloads(), ElementsAre(tasks[1]));
}

TEST_F(ClaimerTest, ARowThatTakesNothingIsSetAside) {
  const auto tasks = AddPayloads(2);
  ASSERT_TRUE(Sql(RefuseUpdates("tasks", "NEW.id = 1")).ok());
  const auto worker = AddWorker("w", 10);
  ASSERT_TRUE(claimer_->ClaimAll().ok()) << "it must come to an end";
  EXPECT_THAT(Assigned(*worker), ElementsAre(tasks[1]));
  const auto later = AddPayload(AddInstance("later"), "/x");
  ASSERT_TRUE(claimer_->ClaimAll().ok());
  EXPECT_THAT(Assigned(*worker), ElementsAre(later));
  EXPECT_EQ(Task(tasks[0]).status(), v1::TASK_STATUS_PENDING);
  EXPECT_THAT(signals_.payloads(), IsEmpty());
}

TEST_F(ClaimerTest, AllProvisionsOfARoundGoToOneWorker) {
  ProvisionClaimer provisions(database_.get(), &workers_, claimer_.get(), &signals_,
                              policy::kLeaseDuration);
  const std::vector<int64_t> tasks = {AddProvision("a"), AddProvision("b"), AddProvision("c")};
  ASSERT_TRUE(Sql("UPDATE instances SET status = 'CREATED'").ok());
  const auto small = AddWorker("small", 1);
  const auto large = AddWorker("large", 5);
  ASSERT_TRUE(provisions.Claim().ok());
  EXPECT_EQ(Assigned(*large), tasks);
  EXPECT_FALSE(small->HasMessages());
  EXPECT_EQ(signals_.instances_changed(), 1);
  EXPECT_THAT(workers_.TakeCredit(10), SizeIs(3)) << "what was not needed is given back";
}

TEST_F(ClaimerTest, AProvisionThatCouldNotBeSentIsDueAgain) {
  ProvisionClaimer provisions(database_.get(), &workers_, claimer_.get(), &signals_,
                              policy::kLeaseDuration);
  const int64_t task = AddProvision("a");
  ASSERT_TRUE(Sql("UPDATE instances SET status = 'CREATED'").ok());
  AddWorker("gone", 5)->Leave();
  ASSERT_TRUE(provisions.Claim().ok());
  EXPECT_EQ(Task(task).status(), v1::TASK_STATUS_PENDING);
}

}  // namespace
}  // namespace longshore::executor
