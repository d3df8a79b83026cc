// The dispatcher's thread over real PostgreSQL: what wakes it, and what it does then.
#include "api_server/executor/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_server/executor/testing/fake_session.h"
#include "api_server/executor/testing/recorded_signals.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

class DispatcherTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    dispatcher_ = std::make_unique<Dispatcher>(
        database_.get(), &workers_, &signals_,
        DispatcherOptions{.max_output_bytes = 100, .delivery_timeout = std::chrono::seconds(7)});
    worker_ = std::make_shared<FakeSession>("w");
  }
  void TearDown() override {
    dispatcher_->Shutdown();
    storage::DatabaseFixture::TearDown();
  }
  void Connect(int credit) {
    workers_.Add(worker_, "w", credit);
    dispatcher_->Wake();
  }

  WorkerRegistry workers_;
  RecordedSignals signals_;
  std::shared_ptr<FakeSession> worker_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

TEST_F(DispatcherTest, AWokenDispatcherAssignsWhatIsDue) {
  Connect(2);
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  dispatcher_->Wake();
  const v1::Assignment assignment = worker_->Take().assignment();
  EXPECT_EQ(assignment.task_id(), task);
  EXPECT_EQ(assignment.lease_epoch(), 1);
  EXPECT_EQ(assignment.remote_path(), "/x");
  EXPECT_EQ(assignment.max_output_bytes(), 100);
}

TEST_F(DispatcherTest, WhatBecomesDueIsAssignedWithoutASignal) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  ASSERT_TRUE(Sql("UPDATE tasks SET run_at = now() + interval '200 ms'").ok());
  Connect(2);
  EXPECT_EQ(worker_->Take().assignment().task_id(), task);
}

TEST_F(DispatcherTest, ARolloutGoesOnByItself) {
  const auto tasks =
      AddDeployment({AddInstance("a"), AddInstance("b")}, "/x", {.max_concurrency = 1});
  Connect(5);
  for (int64_t task : tasks) {
    EXPECT_EQ(worker_->Take().assignment().task_id(), task);
    EXPECT_FALSE(worker_->HasMessages()) << "one at a time";
    Do([&](storage::Connection& c) {
      return storage::task_store::End(c, {Completed(task, task)}, limit_);
    });
    dispatcher_->Wake();
  }
}

TEST_F(DispatcherTest, AnInstanceThatIsToBeProvisionedIsAssigned) {
  const int64_t instance = AddInstance("a");
  ASSERT_TRUE(Sql("UPDATE instances SET status = 'CREATED';"
                  " INSERT INTO tasks (type, instance_id, deliver_by)"
                  " VALUES ('PROVISION_INSTANCE', 1, now() + interval '1 h')")
                  .ok());
  Connect(1);
  const v1::Assignment assignment = worker_->Take().assignment();
  EXPECT_TRUE(assignment.provision());
  EXPECT_EQ(assignment.instance_id(), instance);
}

TEST_F(DispatcherTest, AnExpiredLeaseGoesToAnotherWorker) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  ASSERT_THAT(Claim(1), ::testing::ElementsAre(task));
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now()").ok());
  Connect(1);
  const v1::Assignment assignment = worker_->Take().assignment();
  EXPECT_EQ(assignment.task_id(), task);
  EXPECT_EQ(assignment.lease_epoch(), 2);
}

TEST_F(DispatcherTest, NothingIsClaimedAfterShutdown) {
  Connect(1);
  dispatcher_->Shutdown();
  AddPayload(AddInstance("a"), "/x");
  dispatcher_->Wake();
  EXPECT_FALSE(worker_->HasMessages());
}

}  // namespace
}  // namespace longshore::executor
