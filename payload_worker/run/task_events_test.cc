#include "payload_worker/run/task_events.h"

#include <gtest/gtest.h>

#include "payload_worker/ssh/errors.h"

namespace longshore::run {
namespace {

using Cause = RunnerRecord::Cause;
using Kind = RunnerRecord::Kind;
using Outcome = RunnerRecord::Outcome;

v1::Finished Finished(const RunnerRecord& record) {
  v1::Assignment assignment;
  assignment.set_timeout(5);
  return FinishedEvent(assignment, record, {.next_offset = 10}).finished();
}

TEST(FinishedEventTest, OnlyExitZeroIsCompleted) {
  const v1::Finished completed = Finished({.kind = Kind::kEnd, .outcome = Outcome::kExit});
  EXPECT_EQ(completed.status(), v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_TRUE(completed.has_exit_code());
  EXPECT_EQ(completed.failure_reason(), v1::FAILURE_REASON_UNSPECIFIED);
  const v1::Finished failed = Finished({.kind = Kind::kEnd, .outcome = Outcome::kExit, .code = 3});
  EXPECT_EQ(failed.status(), v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(failed.failure_reason(), v1::FAILURE_REASON_NONZERO_EXIT);
  EXPECT_EQ(failed.exit_code(), 3);
}

TEST(FinishedEventTest, ASignalHasANameAndNoExitCode) {
  const v1::Finished killed =
      Finished({.kind = Kind::kEnd, .outcome = Outcome::kSignal, .code = 9});
  EXPECT_EQ(killed.failure_reason(), v1::FAILURE_REASON_KILLED_BY_SIGNAL);
  EXPECT_FALSE(killed.has_exit_code());
  EXPECT_NE(killed.error().find("SIGKILL"), std::string::npos) << killed.error();
}

TEST(FinishedEventTest, WhatIsNotKnownIsNotMadeUp) {
  EXPECT_EQ(Finished({.kind = Kind::kEnd, .outcome = Outcome::kUnknown}).failure_reason(),
            v1::FAILURE_REASON_INTERRUPTED);
  EXPECT_EQ(Finished({.kind = Kind::kLost, .text = "rebooted"}).failure_reason(),
            v1::FAILURE_REASON_INTERRUPTED);
}

TEST(FinishedEventTest, TheCauseComesBeforeTheExitCode) {
  const v1::Finished timeout =
      Finished({.kind = Kind::kEnd, .outcome = Outcome::kExit, .cause = Cause::kTimeout});
  EXPECT_EQ(timeout.failure_reason(), v1::FAILURE_REASON_EXECUTION_TIMEOUT);
  EXPECT_EQ(
      Finished({.kind = Kind::kEnd, .outcome = Outcome::kExit, .cause = Cause::kCancel}).status(),
      v1::PAYLOAD_STATUS_CANCELLED);
}

TEST(FinishedEventTest, OutputThatIsMissingIsSaidToBe) {
  v1::Assignment assignment;
  const RunnerRecord whole{.kind = Kind::kEnd, .output_size = 10, .outcome = Outcome::kExit};
  const RunnerRecord shorter{.kind = Kind::kEnd, .output_size = 4, .outcome = Outcome::kExit};
  const auto missing = [&](const RunnerRecord& record, const OutputEnd& output) {
    return FinishedEvent(assignment, record, output).finished().output_missing();
  };
  EXPECT_FALSE(missing(whole, {.next_offset = 10}));
  EXPECT_TRUE(missing(shorter, {.next_offset = 10})) << "less is there than was read";
  EXPECT_TRUE(missing(whole, {.next_offset = 10, .missing = true}));
}

TEST(FailedEventTest, WhatAnInstanceSaysIsOneBoundedLine) {
  const std::string said = std::string(20000, '\xff') + "\x1b]52;c;\n";
  const std::string error = FailedEvent(ssh::Unreachable(said), false).retry().error();
  EXPECT_LE(error.size(), 8192u);
  EXPECT_EQ(error.find('\n'), std::string::npos);
}

TEST(FailedEventTest, OnlyWhatMayPassIsTriedAgain) {
  EXPECT_TRUE(FailedEvent(ssh::Unreachable("x"), false).has_retry());
  EXPECT_EQ(FailedEvent(ssh::HostKeyMismatch("x"), false).finished().failure_reason(),
            v1::FAILURE_REASON_HOST_KEY_MISMATCH);
  EXPECT_EQ(FailedEvent(absl::InternalError("x"), true).finished().failure_reason(),
            v1::FAILURE_REASON_INTERNAL);
}

}  // namespace
}  // namespace longshore::run
