// Fencing, repeats and the order of things, against real PostgreSQL.
#include "api_server/executor/event_applier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class EventApplierTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    // Later than any test ends, however long it takes.
    const BackoffOptions backoff{.initial = std::chrono::hours(1),
                                 .maximum = std::chrono::hours(1)};
    applier_ =
        std::make_unique<EventApplier>(database_.get(), ApplierOptions{.retry_backoff = backoff});
    instance_ = AddInstance("a", /*host_key=*/"");
    task_ = AddPayload(instance_, "/x");
    ASSERT_THAT(Claim(1), ElementsAre(task_));
  }

  v1::TaskEvent Event(int64_t epoch = 1) {
    v1::TaskEvent event;
    event.set_task_id(task_);
    event.set_lease_epoch(epoch);
    return event;
  }
  v1::TaskEvent Executing(int64_t epoch = 1) {
    v1::TaskEvent event = Event(epoch);
    event.mutable_executing();
    return event;
  }
  v1::TaskEvent Output(int64_t offset, const std::string& data, int64_t epoch = 1) {
    v1::TaskEvent event = Event(epoch);
    event.mutable_output()->set_offset(offset);
    event.mutable_output()->set_data(data);
    return event;
  }
  v1::TaskEvent Completed(int64_t output_bytes, int64_t epoch = 1) {
    v1::TaskEvent event = Event(epoch);
    v1::Finished* finished = event.mutable_finished();
    finished->set_status(v1::PAYLOAD_STATUS_COMPLETED);
    finished->set_executed(true);
    finished->set_exit_code(0);
    finished->set_output_bytes(output_bytes);
    return event;
  }
  v1::TaskEvent Retry() {
    v1::TaskEvent event = Event();
    event.mutable_retry()->set_failure_reason(v1::FAILURE_REASON_UNREACHABLE);
    event.mutable_retry()->set_error("no route");
    return event;
  }

  static storage::HeldLease Lease(int64_t task, int64_t epoch, const std::string& worker = "w") {
    return {task, epoch, worker};
  }
  ApplyOutcome Apply(const std::vector<v1::TaskEvent>& events, const std::string& worker = "w") {
    std::vector<ReportedEvent> reported;
    reported.reserve(events.size());
    for (const v1::TaskEvent& event : events) reported.push_back({&event, worker});
    ApplyOutcome outcome;
    const absl::Status status = applier_->Apply(reported, &outcome);
    EXPECT_TRUE(status.ok()) << status;
    return outcome;
  }

  std::string StoredOutput() {
    std::string output;
    Do([&](storage::Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(output, storage::output_store::ReadEnds(c, task_, 1 << 20));
      return absl::OkStatus();
    });
    return output;
  }
  // Another worker gets the task under the next epoch.
  void ChangeHands() {
    ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() - interval '1 s'").ok());
    Do([&](storage::Connection& c) {
      return storage::lease_store::ReapExpired(c, {task_}).status();
    });
    ASSERT_THAT(Claim(1), ElementsAre(task_));
  }

  std::unique_ptr<EventApplier> applier_;
  int64_t instance_ = 0;
  int64_t task_ = 0;
};

TEST_F(EventApplierTest, OneBatchMayCarryAWholeLife) {
  const ApplyOutcome outcome = Apply({Executing(), Output(0, "ab"), Output(2, "c"), Completed(3)});
  EXPECT_THAT(outcome.changed_payloads, ElementsAre(task_));
  EXPECT_TRUE(outcome.tasks_ended);
  EXPECT_FALSE(outcome.tasks_freed) << "nothing has waited for its end";
  EXPECT_THAT(outcome.lost, IsEmpty());
  EXPECT_EQ(StoredOutput(), "abc");
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_EQ(Payload(task_).output_bytes(), 3);
}

TEST_F(EventApplierTest, OfABatchThatIsPartlyOfAnotherHolderTheRestIsStoredOnce) {
  const int64_t other = AddPayload(AddInstance("b"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(other));
  ASSERT_TRUE(Sql("UPDATE tasks SET worker = 'another' WHERE id = 2").ok());
  ASSERT_EQ(other, 2);
  v1::TaskEvent foreign = Executing();
  foreign.set_task_id(other);
  const ApplyOutcome outcome = Apply({foreign, Executing(), Output(0, "ab"), Completed(2)});
  EXPECT_THAT(outcome.lost, ElementsAre(Lease(other, 1)));
  EXPECT_THAT(outcome.changed_payloads, ElementsAre(task_));
  EXPECT_TRUE(outcome.tasks_ended);
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_EQ(StoredOutput(), "ab");
  EXPECT_EQ(Payload(other).status(), v1::PAYLOAD_STATUS_PENDING);
}

TEST_F(EventApplierTest, AWebhookThatHasJustComeIsTold) {
  Apply({Executing()});
  ASSERT_TRUE(Sql("INSERT INTO webhooks (name) VALUES ('hook')").ok());
  EXPECT_THAT(Apply({Completed(0)}).changed_payloads, ElementsAre(task_));
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED);
  const std::string told = "SELECT count(*) FROM webhook_events WHERE kind = 'deployment.ended'";
  EXPECT_EQ(QueryValue(told), "1");
  task_ = AddPayload(instance_, "/y");
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  Apply({Executing(), Completed(0)});
  EXPECT_EQ(QueryValue(told), "2");
}

// What was refused at the start must not be forgotten for a good end.
TEST_F(EventApplierTest, AWholeLifeAtAnotherPathIsRefused) {
  v1::TaskEvent transferred = Event();
  transferred.mutable_transferred()->set_remote_path("/etc/shadow");
  Apply({transferred, Executing(), Output(0, "ab"), Completed(2)});
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL);
}

TEST_F(EventApplierTest, AWholeLifeBelowAHomeTellsTheHome) {
  task_ = AddPayload(instance_, "~/x");
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  v1::TaskEvent transferred = Event();
  transferred.mutable_transferred()->set_remote_path("/home/me/x");
  Apply({transferred, Executing(), Output(0, "ab"), Completed(2)});
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_EQ(Payload(task_).remote_path(), "/home/me/x");
  EXPECT_EQ(StoredOutput(), "ab");
  EXPECT_EQ(QueryValue("SELECT home FROM instances"), "/home/me");
}

TEST_F(EventApplierTest, ARepeatedBatchChangesNothingAndIsNotAnError) {
  const std::vector<v1::TaskEvent> life = {Executing(), Output(0, "ab"), Completed(2)};
  Apply(life);
  const v1::Payload before = Payload(task_);
  EXPECT_THAT(Apply(life).lost, IsEmpty());
  EXPECT_EQ(Payload(task_).SerializeAsString(), before.SerializeAsString());
  EXPECT_EQ(StoredOutput(), "ab");
}

TEST_F(EventApplierTest, AnOlderHolderIsToldAndWritesNothing) {
  Apply({Executing(), Output(0, "ab")});
  ChangeHands();
  const ApplyOutcome outcome = Apply({Output(2, "LATE"), Completed(6)});
  EXPECT_THAT(outcome.lost, ElementsAre(Lease(task_, 1)));
  EXPECT_THAT(outcome.changed_payloads, IsEmpty());
  EXPECT_EQ(StoredOutput(), "ab");
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_EXECUTING);
  Apply({Executing(2), Output(2, "c", 2), Completed(3, 2)});
  EXPECT_EQ(StoredOutput(), "abc");
}

TEST_F(EventApplierTest, AnEpochOfTheFutureAndAnUnknownTaskAreRefused) {
  v1::TaskEvent unknown = Executing();
  unknown.set_task_id(999);
  const ApplyOutcome outcome = Apply({Executing(2), unknown});
  EXPECT_THAT(outcome.lost, ElementsAre(Lease(task_, 2), Lease(999, 1)));
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_PENDING);
}

TEST_F(EventApplierTest, ARetryPutsTheTaskBackWithADelay) {
  EXPECT_TRUE(Apply({Retry()}).tasks_freed);
  EXPECT_THAT(Claim(1), IsEmpty()) << "not before its delay";
  ASSERT_TRUE(Sql("UPDATE tasks SET run_at = now()").ok());
  EXPECT_THAT(Claim(1), ElementsAre(task_));
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_PENDING);
}

TEST_F(EventApplierTest, ARetryOfACancelledTaskEndsIt) {
  Do([&](storage::Connection& c) { return storage::task_store::RequestCancel(c, {task_}); });
  Apply({Retry()});
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_CANCELLED);
}

TEST_F(EventApplierTest, ARetryOfACancelledTaskThatRunsDoesNotEndIt) {
  Apply({Executing()});
  Do([&](storage::Connection& c) { return storage::task_store::RequestCancel(c, {task_}); });
  Apply({Retry()});
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_EXECUTING)
      << "the script runs: only a worker can stop it";
}

TEST_F(EventApplierTest, AReleasedTaskIsDueAtOnce) {
  v1::TaskEvent released = Event();
  released.mutable_released();
  Apply({released});
  EXPECT_THAT(Claim(1), ElementsAre(task_));
}

TEST_F(EventApplierTest, TheFirstHostKeySeenIsPinnedForAll) {
  v1::TaskEvent seen = Event();
  seen.mutable_host_key_seen()->set_host_key(storage::HostKey('A'));
  EXPECT_THAT(Apply({seen}).host_keys, ElementsAre(Pair(Lease(task_, 1), storage::HostKey('A'))));
  seen.mutable_host_key_seen()->set_host_key(storage::HostKey('B'));
  EXPECT_THAT(Apply({seen}).host_keys, ElementsAre(Pair(Lease(task_, 1), storage::HostKey('A'))));
}

TEST_F(EventApplierTest, NobodySpeaksForWhatAnotherHolds) {
  v1::TaskEvent released = Event();
  released.mutable_released();
  v1::TaskEvent seen = Event();
  seen.mutable_host_key_seen()->set_host_key(storage::HostKey('A'));
  for (const v1::TaskEvent& event :
       {Executing(), Output(0, "x"), Completed(1), Retry(), released, seen}) {
    const ApplyOutcome outcome = Apply({event}, "other");
    EXPECT_THAT(outcome.lost, ElementsAre(Lease(task_, 1, "other")));
    EXPECT_THAT(outcome.changed_payloads, IsEmpty());
    EXPECT_THAT(outcome.host_keys, IsEmpty());
  }
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(StoredOutput(), "");
  // Who holds it is told nothing of that.
  EXPECT_THAT(Apply({Executing()}).lost, IsEmpty());
}

TEST_F(EventApplierTest, WhatCannotBeEndsTheTaskAndNothingElse) {
  const int64_t other = AddPayload(instance_, "/y");
  ASSERT_THAT(Claim(1), ElementsAre(other));
  v1::TaskEvent good = Executing();
  good.set_task_id(other);
  const ApplyOutcome outcome = Apply({Executing(), Output(INT64_MAX, "x"), Output(0, "y"), good});
  EXPECT_THAT(outcome.lost, ElementsAre(Lease(task_, 1)));
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL);
  EXPECT_TRUE(Payload(task_).executed());
  EXPECT_NE(Payload(task_).error().find("9223372036854775807"), std::string::npos);
  EXPECT_EQ(StoredOutput(), "");
  EXPECT_EQ(Payload(other).status(), v1::PAYLOAD_STATUS_EXECUTING);
}

TEST_F(EventApplierTest, AResultThatDoesNotGoWithTheTaskIsRefused) {
  v1::TaskEvent event = Event();
  event.mutable_finished()->set_status(v1::PAYLOAD_STATUS_TRANSFERRED);
  Apply({event});
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL) << "it was to be run";
  task_ = AddPayload(instance_, "/z", /*execute=*/false);
  ASSERT_THAT(Claim(1), ElementsAre(task_));
  event = Completed(0);
  Apply({event});
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL)
      << "nobody asked to run it";
  EXPECT_FALSE(Payload(task_).executed());
}

TEST_F(EventApplierTest, TheScriptIsWhereItWasAskedFor) {
  v1::TaskEvent event = Event();
  event.mutable_transferred()->set_remote_path("/etc/shadow");
  Apply({event});
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL);
  for (const auto& [path, taken] : std::map<std::string, bool>{{"/home/u/a.sh", true},
                                                               {"/a.sh", false},
                                                               {"/home/../a.sh", false},
                                                               {"/home/ua.sh", false},
                                                               {"home/a.sh", false}}) {
    task_ = AddPayload(instance_, "~/a.sh");
    ASSERT_THAT(Claim(1), ElementsAre(task_));
    event = Event();
    event.mutable_transferred()->set_remote_path(path);
    Apply({event});
    EXPECT_EQ(Payload(task_).status() == v1::PAYLOAD_STATUS_TRANSFERRED, taken) << path;
    if (taken) Apply({Executing(), Completed(0)});
  }
}

TEST_F(EventApplierTest, OutputThatIsMissingIsSaidToBe) {
  v1::TaskEvent event = Completed(1);
  event.mutable_finished()->set_output_missing(true);
  Apply({Executing(), Output(0, "x"), event});
  EXPECT_TRUE(Payload(task_).output_truncated());
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED);
}

TEST_F(EventApplierTest, AnEventThatTheDatabaseRefusesEndsItsTask) {
  ApplyOutcome outcome;
  const v1::TaskEvent event = Executing();
  ASSERT_TRUE(applier_->Refuse({&event, "other"}, "no room", &outcome).ok());
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_PENDING) << "it is not the other's";
  ASSERT_TRUE(applier_->Refuse({&event, "w"}, "no room", &outcome).ok());
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL);
  EXPECT_NE(Payload(task_).error().find("no room"), std::string::npos);
}

}  // namespace
}  // namespace longshore::executor
