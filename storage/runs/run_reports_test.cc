// Runs that go well, and what is told by somebody who does not hold the task, against real
// PostgreSQL.
#include "storage/runs/run_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/testing/database_fixture.h"

namespace longshore::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class RunReportsTest : public DatabaseFixture {
 protected:
  void SetUp() override {
    DatabaseFixture::SetUp();
    first_ = AddPayload(AddInstance("a"), "/x");
    second_ = AddPayload(AddInstance("b"), "/x");
    ASSERT_THAT(Claim(2), ElementsAre(first_, second_));
  }

  static HeldLease Held(int64_t task) { return {.task_id = task, .lease_epoch = 1, .worker = "w"}; }
  static StartReport Started(int64_t task, const std::string& path = "/x") {
    return {.lease = Held(task), .remote_path = path};
  }
  static OutputReport Output(int64_t task, int64_t offset, const std::string& data) {
    return {.lease = Held(task), .offset = offset, .data = data};
  }
  static CompletionReport Completion(int64_t task, int64_t output_bytes = 0) {
    return {.lease = Held(task), .execution_time_us = 7, .output_bytes = output_bytes};
  }
  StoredReports Store(const RunReports& reports, bool tells_webhooks = false) {
    const RunReportOptions options{.limit = OutputLimit(100),
                                   .delivery_timeout = std::chrono::hours(1),
                                   .grace = std::chrono::seconds(60)};
    StoredReports stored;
    const absl::Status status = database_->TransactAtOnce([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(stored, StoreRunReports(c, reports, options, tells_webhooks));
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return stored;
  }
  std::string StoredOutput(int64_t payload) {
    std::string output;
    Do([&](Connection& c) -> absl::Status {
      ASSIGN_OR_RETURN(output, output_store::ReadEnds(c, payload, 1000));
      return absl::OkStatus();
    });
    return output;
  }
  std::string Count(const std::string& from) { return QueryValue("SELECT count(*) FROM " + from); }

  // Each is the id of a payload too.
  int64_t first_ = 0;
  int64_t second_ = 0;
};

TEST_F(RunReportsTest, AWholeLifeIsStoredTogether) {
  const StoredReports stored = Store({.starts = {Started(second_), Started(first_)},
                                      .output = {Output(first_, 0, "ab"), Output(first_, 2, "c")},
                                      .completions = {Completion(first_, 3)}});
  EXPECT_TRUE(stored.complete);
  EXPECT_FALSE(stored.freed);
  EXPECT_FALSE(stored.has_webhooks);
  EXPECT_THAT(stored.payloads, ElementsAre(first_, second_));
  const v1::Payload ended = Payload(first_);
  EXPECT_EQ(ended.status(), v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_TRUE(ended.has_exit_code());
  EXPECT_EQ(ended.exit_code(), 0);
  EXPECT_EQ(ended.output_bytes(), 3);
  EXPECT_EQ(StoredOutput(first_), "abc");
  EXPECT_EQ(Payload(second_).status(), v1::PAYLOAD_STATUS_EXECUTING);
  EXPECT_EQ(Count("tasks WHERE status = 'COMPLETED' AND lease_until IS NULL"), "1");
  EXPECT_EQ(Count("tasks WHERE status = 'RUNNING' AND end_by IS NOT NULL"), "1");
}

TEST_F(RunReportsTest, WhatIsToldOfATaskThatTheSenderDoesNotHoldIsNotStored) {
  ASSERT_TRUE(Sql("UPDATE tasks SET worker = 'other' WHERE id = 1").ok());
  ASSERT_EQ(first_, 1);
  const StoredReports started = Store({.starts = {Started(first_), Started(second_)}});
  EXPECT_FALSE(started.complete);
  EXPECT_THAT(started.payloads, ElementsAre(second_));
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(Payload(second_).status(), v1::PAYLOAD_STATUS_EXECUTING);
  const StoredReports printed =
      Store({.output = {Output(first_, 0, "ab"), Output(second_, 0, "c")}});
  EXPECT_FALSE(printed.complete);
  EXPECT_THAT(printed.payloads, ElementsAre(second_));
  EXPECT_EQ(StoredOutput(first_), "");
  const StoredReports ended = Store({.completions = {Completion(first_), Completion(second_)}});
  EXPECT_FALSE(ended.complete);
  EXPECT_THAT(ended.payloads, ElementsAre(second_));
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(Payload(second_).status(), v1::PAYLOAD_STATUS_COMPLETED);
}

TEST_F(RunReportsTest, AnEarlierLeaseOfTheSameWorkerCountsForNothing) {
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_epoch = 2").ok());
  const StoredReports stored = Store({.starts = {Started(first_)},
                                      .output = {Output(first_, 0, "ab")},
                                      .completions = {Completion(first_)}});
  EXPECT_FALSE(stored.complete);
  EXPECT_THAT(stored.payloads, IsEmpty());
  EXPECT_EQ(Count("tasks WHERE status = 'RUNNING'"), "2");
  EXPECT_EQ(StoredOutput(first_), "");
}

TEST_F(RunReportsTest, AnotherPathThanWasAskedForIsNotBelieved) {
  EXPECT_FALSE(Store({.starts = {Started(first_, "/y")}}).complete);
  // Nor what comes with it.
  EXPECT_FALSE(Store({.starts = {Started(first_, "/y")},
                      .output = {Output(first_, 0, "ab")},
                      .completions = {Completion(first_)}})
                   .complete);
  EXPECT_EQ(StoredOutput(first_), "");
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_TRUE(Store({.starts = {Started(first_, "")}}).complete) << "it is known already";
}

TEST_F(RunReportsTest, ARunThatNobodyAskedForIsNotBelieved) {
  ASSERT_TRUE(Sql("UPDATE payloads SET execute_payload = false").ok());
  EXPECT_FALSE(Store({.starts = {Started(first_)}}).complete);
  EXPECT_FALSE(Store({.output = {Output(first_, 0, "ab")}}).complete);
  EXPECT_FALSE(Store({.completions = {Completion(first_)}}).complete);
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(StoredOutput(first_), "");
}

TEST_F(RunReportsTest, MoreThanIsSentAtOnceIsStoredToo) {
  const std::string much(80, 'x');
  RunReports reports{.starts = {Started(first_)}};
  // Each names the worker; together they are too long.
  for (int i = 0; i < 100; ++i) reports.output.push_back(Output(first_, 0, much));
  reports.completions = {Completion(first_, 80)};
  EXPECT_TRUE(Store(reports).complete);
  EXPECT_EQ(StoredOutput(first_), much);
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_COMPLETED);
}

TEST_F(RunReportsTest, RepeatedReportsChangeNothing) {
  const RunReports reports{.starts = {Started(first_)}, .output = {Output(first_, 0, "ab")}};
  EXPECT_TRUE(Store(reports).complete);
  const std::string before = Payload(first_).started_at().SerializeAsString();
  EXPECT_TRUE(Store(reports).complete);
  EXPECT_EQ(Payload(first_).started_at().SerializeAsString(), before);
  EXPECT_EQ(StoredOutput(first_), "ab");
}

TEST_F(RunReportsTest, OutputThatHasToBeCutIsLeftToOthers) {
  Start(first_);
  ASSERT_TRUE(Sql("UPDATE payloads SET output_bytes = 101").ok());
  EXPECT_FALSE(Store({.completions = {Completion(first_)}}).complete);
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_EXECUTING);
}

TEST_F(RunReportsTest, WebhooksAreToldByWhoKnowsOfThem) {
  Start(first_);
  Start(second_);
  ASSERT_TRUE(Sql("INSERT INTO webhooks (name) VALUES ('hook')").ok());
  StoredReports stored = Store({.completions = {Completion(first_)}});
  EXPECT_FALSE(stored.complete);
  EXPECT_TRUE(stored.has_webhooks) << "the next call knows";
  EXPECT_EQ(Payload(first_).status(), v1::PAYLOAD_STATUS_EXECUTING);
  stored = Store({.completions = {Completion(first_)}}, stored.has_webhooks);
  EXPECT_TRUE(stored.complete);
  EXPECT_TRUE(stored.has_webhooks);
  EXPECT_EQ(Count("webhook_events WHERE kind = 'deployment.ended'"), "1");
  ASSERT_TRUE(Sql("DELETE FROM webhook_events").ok());
  ASSERT_TRUE(Sql("DELETE FROM webhooks").ok());
  stored = Store({.completions = {Completion(second_)}}, stored.has_webhooks);
  EXPECT_TRUE(stored.complete);
  EXPECT_FALSE(stored.has_webhooks);
}

TEST_F(RunReportsTest, ARunDirectoryIsRememberedUntilItIsGone) {
  Start(first_);
  CompletionReport completion = Completion(first_);
  completion.run_directory = true;
  EXPECT_TRUE(Store({.completions = {completion}}).complete);
  EXPECT_EQ(Count("run_cleanups"), "1");
  const CleanedRun cleaned{
      .payload_id = first_, .attempt = 1, .task_id = first_, .lease_epoch = 1, .worker = "w"};
  const StoredReports stored = Store({.cleaned = {cleaned}});
  EXPECT_TRUE(stored.complete);
  EXPECT_THAT(stored.payloads, IsEmpty());
  EXPECT_EQ(Count("run_cleanups"), "0");
}

}  // namespace
}  // namespace longshore::storage
