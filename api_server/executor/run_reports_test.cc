// Which batches of events tell only of runs that go well.
#include "api_server/executor/run_reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::executor {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class RunReportsTest : public ::testing::Test {
 protected:
  v1::TaskEvent& Add(int64_t task = 1, const std::string& worker = "w", int64_t epoch = 1) {
    v1::TaskEvent& event = *events_.emplace_back(std::make_unique<v1::TaskEvent>());
    event.set_task_id(task);
    event.set_lease_epoch(epoch);
    workers_.push_back(worker);
    return event;
  }
  void Transferred(const std::string& path) { Add().mutable_transferred()->set_remote_path(path); }
  void Executing() { Add().mutable_executing(); }
  void Output(int64_t offset, const std::string& data) {
    v1::OutputChunk* output = Add().mutable_output();
    output->set_offset(offset);
    output->set_data(data);
  }
  v1::Finished& Completed() {
    v1::Finished& finished = *Add().mutable_finished();
    finished.set_status(v1::PAYLOAD_STATUS_COMPLETED);
    finished.set_executed(true);
    finished.set_exit_code(0);
    return finished;
  }
  std::optional<storage::RunReports> Read() {
    std::vector<ReportedEvent> reported;
    for (size_t i = 0; i < events_.size(); ++i) reported.push_back({events_[i].get(), workers_[i]});
    return ReadRunReports(reported, OutputLimit(100));
  }
  void ExpectOther(const std::string& why) { EXPECT_FALSE(Read().has_value()) << why; }

 private:
  std::vector<std::unique_ptr<v1::TaskEvent>> events_;
  std::vector<std::string> workers_;
};

TEST_F(RunReportsTest, AWholeLifeIsRead) {
  Transferred("/x");
  Executing();
  Output(0, "ab");
  Output(2, "c");
  v1::Finished& finished = Completed();
  finished.set_output_bytes(3);
  finished.set_run_directory(true);
  finished.mutable_execution_time()->set_seconds(2);
  finished.mutable_execution_time()->set_nanos(5000);
  const auto reports = Read();
  ASSERT_TRUE(reports.has_value());
  ASSERT_THAT(reports->starts, SizeIs(1));
  EXPECT_EQ(reports->starts[0].remote_path, "/x");
  EXPECT_EQ(reports->starts[0].lease, (storage::HeldLease{1, 1, "w"}));
  ASSERT_THAT(reports->output, SizeIs(2));
  EXPECT_EQ(reports->output[1].offset, 2);
  EXPECT_EQ(reports->output[1].data, "c");
  ASSERT_THAT(reports->completions, SizeIs(1));
  EXPECT_EQ(reports->completions[0].execution_time_us, 2000005);
  EXPECT_EQ(reports->completions[0].output_bytes, 3);
  EXPECT_TRUE(reports->completions[0].run_directory);
  EXPECT_THAT(reports->cleaned, IsEmpty());
}

TEST_F(RunReportsTest, RemovedDirectoriesMayBeAmongIt) {
  v1::TaskEvent& event = Add(7);
  event.mutable_cleaned()->set_payload_id(9);
  event.mutable_cleaned()->set_attempt(2);
  const auto reports = Read();
  ASSERT_TRUE(reports.has_value());
  ASSERT_THAT(reports->cleaned, SizeIs(1));
  EXPECT_EQ(reports->cleaned[0].payload_id, 9);
  EXPECT_EQ(reports->cleaned[0].attempt, 2);
  EXPECT_EQ(reports->cleaned[0].task_id, 7);
  EXPECT_EQ(reports->cleaned[0].worker, "w");
}

TEST_F(RunReportsTest, AScriptThatHasOnlyArrivedIsNotAmongIt) {
  Transferred("/x");
  ExpectOther("nothing has been started");
  Output(0, "a");
  ExpectOther("nor now");
}

TEST_F(RunReportsTest, APathThatIsNoneIsNotAmongIt) {
  Transferred("~/x");
  Executing();
  ExpectOther("a worker has to say which home");
}

TEST_F(RunReportsTest, WhatComesBehindItsEndIsNotAmongIt) {
  Completed();
  Output(0, "a");
  ExpectOther("it has ended");
}

TEST_F(RunReportsTest, AStartBehindOutputIsNotAmongIt) {
  Output(0, "a");
  Executing();
  ExpectOther("it is not the order of a life");
}

TEST_F(RunReportsTest, AnEndThatIsKnownWithTheStartIsNotAmongIt) {
  Add().mutable_executing()->set_ended(true);
  ExpectOther("its deadline is another");
}

TEST_F(RunReportsTest, FailuresAreNotAmongIt) {
  v1::Finished& finished = *Add().mutable_finished();
  finished.set_status(v1::PAYLOAD_STATUS_FAILED);
  finished.set_failure_reason(v1::FAILURE_REASON_NONZERO_EXIT);
  finished.set_executed(true);
  finished.set_exit_code(1);
  ExpectOther("a rollout may have to stop");
}

TEST_F(RunReportsTest, WhatBreaksARuleIsNotAmongIt) {
  Completed().clear_exit_code();
  ExpectOther("COMPLETED without exit code 0");
}

TEST_F(RunReportsTest, OutputBehindWhatIsKeptIsNotAmongIt) {
  Output(99, "a");
  EXPECT_TRUE(Read().has_value());
  Output(100, "b");
  ExpectOther("it is to be cut");
}

TEST_F(RunReportsTest, AnEndOfMoreOutputThanIsKeptIsNotAmongIt) {
  Completed().set_output_bytes(101);
  ExpectOther("it is to be cut");
}

TEST_F(RunReportsTest, AnotherKindOfEventIsNotAmongIt) {
  Executing();
  Add(2).mutable_retry();
  ExpectOther("a try that failed");
}

TEST_F(RunReportsTest, TwoLeasesOfATaskAreNotAmongIt) {
  Executing();
  Add(1, "w", 2).mutable_executing();
  ExpectOther("one of them is not held");
}

}  // namespace
}  // namespace longshore::executor
