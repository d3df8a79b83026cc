#include "common/subprocess.h"

#include <gtest/gtest.h>

namespace longshore {
namespace {

constexpr std::chrono::milliseconds kLong{60000};

TEST(RunProgramTest, GivesStatusAndOutput) {
  const auto result = RunProgram({"sh", "-c", "echo out; echo err >&2; exit 3"}, kLong);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->exit_status, 3);
  EXPECT_EQ(result->output, "out\nerr\n");
}

TEST(RunProgramTest, TellsSignals) {
  EXPECT_EQ(RunProgram({"sh", "-c", "kill -9 $$"}, kLong)->exit_status, 128 + 9);
}

TEST(RunProgramTest, KeepsTheBeginningOfMuchOutput) {
  const auto result = RunProgram({"head", "-c", "1000000", "/dev/zero"}, kLong);
  EXPECT_EQ(result->exit_status, 0);
  EXPECT_EQ(result->output.size(), 65536u);
}

TEST(RunProgramTest, HasNothingOfOurs) {
  // Standard input is empty, and ls has but its own three and the directory it reads.
  EXPECT_EQ(RunProgram({"sh", "-c", "cat; ls /proc/self/fd | wc -l"}, kLong)->output, "4\n");
}

TEST(RunProgramTest, KillsWhatTakesTooLongWithItsChildren) {
  const auto result =
      RunProgram({"sh", "-c", "sleep 1000 & sleep 1000"}, std::chrono::milliseconds(50));
  EXPECT_TRUE(absl::IsDeadlineExceeded(result.status())) << result.status();
}

TEST(RunProgramTest, WaitsForAProgramThatHasClosedItsOutput) {
  EXPECT_EQ(RunProgram({"sh", "-c", "exec >&- 2>&-; sleep 0.1; exit 5"}, kLong)->exit_status, 5);
}

TEST(ChildProcessTest, HasRecordsBesidesItsOutput) {
  const auto child =
      ChildProcess::Start({.words = {"sh", "-c", "echo record >&3; echo $GREETING; cat <&3"},
                           .environment = {"GREETING=hello"},
                           .records = true});
  ASSERT_TRUE(child.ok()) << child.status();
  std::string output;
  std::string records;
  while ((*child)->Read(kLong, &output, &records)) {
  }
  EXPECT_EQ(records, "record\n");
  EXPECT_EQ(output.substr(0, 6), "hello\n");
}

TEST(ChildProcessTest, TellsTheEndOfAProgramWhoseChildGoesOn) {
  const auto child = ChildProcess::Start({.words = {"sh", "-c", "sleep 1000 & exit 4"}});
  ASSERT_TRUE(child.ok()) << child.status();
  std::string output;
  while (!(*child)->HasEnded()) EXPECT_TRUE((*child)->Read(kLong, &output, nullptr));
  (*child)->Kill();
  EXPECT_EQ((*child)->Wait(), 4);
}

TEST(RunProgramTest, NamesWhatCannotBeStarted) {
  const auto result = RunProgram({"/none/such"}, kLong);
  EXPECT_TRUE(absl::IsUnavailable(result.status()));
  EXPECT_NE(std::string(result.status().message()).find("/none/such"), std::string::npos);
}

}  // namespace
}  // namespace longshore
