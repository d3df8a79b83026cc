#include "payload_worker/run/runner_records.h"

#include <gtest/gtest.h>

namespace longshore::run {
namespace {

using Kind = RunnerRecord::Kind;

TEST(ParseRunnerRecordTest, ReadsEachKind) {
  EXPECT_EQ(ParseRunnerRecord("ready")->kind, Kind::kReady);
  EXPECT_EQ(ParseRunnerRecord("need-script")->kind, Kind::kNeedScript);
  EXPECT_EQ(ParseRunnerRecord("late")->kind, Kind::kLate);
  EXPECT_EQ(ParseRunnerRecord("absent")->kind, Kind::kAbsent);
  EXPECT_EQ(ParseRunnerRecord("cleaned")->kind, Kind::kCleaned);
  EXPECT_EQ(ParseRunnerRecord("alive")->kind, Kind::kAlive);
  EXPECT_EQ(ParseRunnerRecord("placed")->kind, Kind::kPlaced);
  EXPECT_EQ(ParseRunnerRecord("not-placed read only")->kind, Kind::kNotPlaced);
  EXPECT_EQ(ParseRunnerRecord("not-placed read only")->text, "read only");
  EXPECT_EQ(ParseRunnerRecord("running 17")->offset, 17);
  EXPECT_EQ(ParseRunnerRecord("lost 5 rebooted")->text, "rebooted");
  EXPECT_EQ(ParseRunnerRecord("error no space left")->text, "no space left");
}

TEST(ParseRunnerRecordTest, ReadsAResultPaddedWithBlanks) {
  const auto end = ParseRunnerRecord("end 42 exit 3 100.25 101.50 timeout            ");
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->output_size, 42);
  EXPECT_EQ(end->outcome, RunnerRecord::Outcome::kExit);
  EXPECT_EQ(end->code, 3);
  EXPECT_EQ(end->duration, std::chrono::milliseconds(1250));
  EXPECT_EQ(end->cause, RunnerRecord::Cause::kTimeout);
}

TEST(ParseRunnerRecordTest, TakesTheHeaderOffTheSizeOfTheOutput) {
  EXPECT_EQ(ParseRunnerRecord("end 59-17 exit 0 1 2 none")->output_size, 42);
  EXPECT_EQ(ParseRunnerRecord("end 5-17 exit 0 1 2 none")->output_size, 0);
}

TEST(ParseRunnerRecordTest, MakesNoResultUpFromWhatIsNotWhole) {
  for (const char* line : {"",
                           "end",
                           "end 42",
                           "end 59- exit 0 1 2 none",
                           "end -17 exit 0 1 2 none",
                           "end 59-17-1 exit 0 1 2 none",
                           "end 42 exit",
                           "end 42 exit 3",
                           "end 42 exit 3 1.0",
                           "end 42 exit 3 1 2",
                           "end 42 exit 256 1 2 none",
                           "end 42 exit -1 1 2 none",
                           "end x exit 0 1 2 none",
                           "end 42 exit 0 2 1 none",
                           "end 42 exit 0 nan inf none",
                           "end 42 left 0 1 2 none",
                           "end 42 exit 0 1 2 why",
                           "running",
                           "running -1",
                           "running 1x",
                           "running 99999999999999999999",
                           "running 9223372036854775807",
                           "end 9223372036854775807 exit 0 1 2 none",
                           "end 42 signal 0 1 2 none",
                           "end 42 signal 65 1 2 none",
                           "end 42 exit 0 1 1e11 none",
                           "lost",
                           "Ready",
                           "readyy"}) {
    EXPECT_FALSE(ParseRunnerRecord(line).has_value()) << line;
  }
}

TEST(RecordReaderTest, TakesRecordsInPiecesAndOnlyWithTheNonce) {
  RecordReader reader("n0nce");
  EXPECT_TRUE(reader.Add("Welcome to host\nend 0 exit 0 1 2 none\nn0n").empty());
  EXPECT_TRUE(reader.Add("ce run").empty());
  const auto records = reader.Add("ning 3\nn0nce end 3 exit 0 1 2 none\nrest");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].offset, 3);
  EXPECT_EQ(records[1].kind, Kind::kEnd);
  EXPECT_EQ(reader.noise(), "end 0 exit 0 1 2 none");
}

TEST(RecordReaderTest, WhatHasTheNonceAndIsNoRecordIsToldCleaned) {
  RecordReader reader("n0nce");
  const auto records = reader.Add("n0nce running 9223372036854775807\nn0nce \x1b[2J\xff\nx\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].kind, Kind::kMalformed);
  EXPECT_EQ(records[0].text, "running 9223372036854775807");
  EXPECT_EQ(records[1].text, "?[2J\xEF\xBF\xBD");
}

TEST(RecordReaderTest, BoundsEndlessLines) {
  RecordReader reader("n");
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(reader.Add(std::string(10000, 'x')).empty());
  EXPECT_TRUE(reader.Add("\n").empty());
  EXPECT_LE(reader.noise().size(), 400u);
  EXPECT_EQ(reader.Add("n ready\n").size(), 1u);
}

TEST(OutputReaderTest, DropsWhatTheLoginShellSaidBeforeTheMarker) {
  OutputReader reader("m4rk");
  EXPECT_EQ(reader.Add("motd\nno newline m4"), "");
  EXPECT_EQ(reader.Add("rk\nfirst\nm4rk\n"), "first\nm4rk\n");
  EXPECT_EQ(reader.Add("more"), "more");
}

TEST(OutputReaderTest, AMarkerIsAWholeEndOfALine) {
  OutputReader reader("m4rk");
  EXPECT_EQ(reader.Add("m4rk too early\n"), "");
  EXPECT_EQ(reader.Add("m4rk\nx"), "x");
}

}  // namespace
}  // namespace longshore::run
