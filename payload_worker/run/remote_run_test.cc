#include "payload_worker/run/remote_run.h"

#include <gtest/gtest.h>

namespace longshore::run {
namespace {

using Kind = RunnerRecord::Kind;

TEST(CheckOffsetTest, OutputBeginsWhereItWasAskedForOrLeavesOutWhatIsNotKept) {
  v1::Assignment assignment;
  assignment.set_max_output_bytes(100);
  EXPECT_TRUE(CheckOffset(assignment, 0).ok());
  EXPECT_FALSE(CheckOffset(assignment, 1).ok());
  assignment.set_output_offset(49);
  EXPECT_FALSE(CheckOffset(assignment, 60).ok()) << "the head is kept";
  assignment.set_output_offset(50);
  EXPECT_TRUE(CheckOffset(assignment, 50).ok());
  EXPECT_TRUE(CheckOffset(assignment, 5000).ok());
  EXPECT_FALSE(CheckOffset(assignment, 49).ok());
}

TEST(RemoteRunTest, TheFirstWordOnTheEndCounts) {
  RemoteRun run{.records = RecordReader("n"), .output = OutputReader("n")};
  EXPECT_FALSE(run.OutputIsComplete());
  run.Apply({.kind = Kind::kAlive});
  EXPECT_FALSE(run.end.has_value());
  run.Apply({.kind = Kind::kEnd, .output_size = 3});
  run.Apply({.kind = Kind::kLost, .output_size = 0});
  EXPECT_EQ(run.end->kind, Kind::kEnd);
  EXPECT_FALSE(run.OutputIsComplete());
  run.next_offset = 3;
  EXPECT_TRUE(run.OutputIsComplete());
  EXPECT_FALSE(run.output_missing);
  run.Apply({.kind = Kind::kTruncated});
  EXPECT_TRUE(run.output_missing);
}

}  // namespace
}  // namespace longshore::run
