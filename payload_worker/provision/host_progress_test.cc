// Records of the callback plugin, and what they mean for a host.
#include "payload_worker/provision/host_progress.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/utf8.h"

namespace longshore::provision {
namespace {

constexpr char kFailed[] =
    R"({"kind": "task", "host": "h", "task": "Base", "status": "failed", "message": "no disk\n\u0000"})";
constexpr char kUnreachable[] =
    R"({"kind": "task", "host": "h", "task": "Base", "status": "unreachable", "message": "gone"})";
constexpr char kNotReady[] = R"({"kind": "end", "host": "h", "ready": false})";

std::vector<Record> Lines(const std::string& text) { return RecordLines().Add(text + "\n"); }

// What the last record that settles it says, or, without one, the end of the run.
v1::Provisioned After(const std::vector<std::string>& lines) {
  HostProgress progress("title");
  for (const std::string& line : lines) {
    for (const Record& record : Lines(line)) {
      if (auto result = progress.Add(record)) return *result;
    }
  }
  return progress.AtRunEnd("ansible-playbook was killed", std::string("a\nlast\0word\n", 12));
}

TEST(RecordLinesTest, ReadsThemHoweverTheyAreCut) {
  const std::string text = std::string(kFailed) + "\n" + kNotReady + "\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    RecordLines lines;
    std::vector<Record> records = lines.Add(text.substr(0, cut));
    for (Record& record : lines.Add(text.substr(cut))) records.push_back(std::move(record));
    ASSERT_EQ(records.size(), 2u) << cut;
    EXPECT_EQ(records[0].status, "failed");
    EXPECT_EQ(records[1].kind, Record::Kind::kEnd);
  }
}

TEST(RecordLinesTest, LeavesOutWhatIsNoRecord) {
  for (const char* line : {"", "null", "[]", "{}", "\"text\"", "{\"kind\": 3, \"host\": \"h\"}",
                           R"({"kind": "ready"})", R"({"kind": "other", "host": "h"})",
                           "{\"kind\": \"ready\", \"host\": \"\xff\"}", "{\"kind\""}) {
    EXPECT_TRUE(Lines(line).empty()) << line;
  }
  RecordLines lines;
  EXPECT_TRUE(lines.Add(std::string(1 << 20, 'x')).empty());
  EXPECT_TRUE(lines.Add("\n").empty());
  EXPECT_EQ(lines.Add(std::string(kFailed) + "\n").size(), 1u) << "the next line is read again";
}

TEST(HostProgressTest, IsReadyOnTheRecordOrAtTheEnd) {
  EXPECT_TRUE(After({R"({"kind": "ready", "host": "h"})"}).ready());
  EXPECT_TRUE(After({R"({"kind": "end", "host": "h", "ready": true})"}).ready());
}

TEST(HostProgressTest, AFailedTaskIsFinal) {
  for (const auto& lines :
       {std::vector<std::string>{kFailed, kNotReady}, std::vector<std::string>{kFailed}}) {
    const v1::Provisioned result = After(lines);
    EXPECT_FALSE(result.ready());
    EXPECT_FALSE(result.retry());
    EXPECT_EQ(result.error(), "'Base' failed: no disk??");
    EXPECT_EQ(result.log().find('\0'), std::string::npos);
  }
}

TEST(HostProgressTest, AFailedTaskThatWasRescuedIsNone) {
  EXPECT_TRUE(After({kFailed, R"({"kind": "ready", "host": "h"})"}).ready());
}

TEST(HostProgressTest, AnUnreachableHostIsTriedAgain) {
  const v1::Provisioned result = After({kUnreachable, kNotReady});
  EXPECT_TRUE(result.retry());
  EXPECT_TRUE(result.unreachable());
  EXPECT_EQ(result.error(), "gone");
}

TEST(HostProgressTest, AWrongHostKeyIsFinal) {
  const v1::Provisioned result =
      After({R"({"kind": "task", "host": "h", "task": "t", "status": "unreachable",)"
             R"( "message": "Failed to connect: Host key verification failed."})"});
  EXPECT_FALSE(result.retry());
  EXPECT_FALSE(result.unreachable());
}

TEST(HostProgressTest, ARunThatSaidNothingIsTriedAgain) {
  const v1::Provisioned result = After({});
  EXPECT_TRUE(result.retry());
  EXPECT_FALSE(result.unreachable());
  EXPECT_EQ(result.error().find("ansible-playbook was killed: last"), 0u) << result.error();
  EXPECT_NE(result.log().find("its output:\na\nlast"), std::string::npos) << result.log();
  EXPECT_EQ(result.log().find('\0'), std::string::npos);
}

TEST(HostProgressTest, LogsFitAnEvent) {
  HostProgress progress("title");
  const Record record{
      .host = "h", .task = "t", .status = "ok", .message = std::string(4000, '\xff')};
  for (int i = 0; i < 1000; ++i) progress.Add(record);
  const v1::Provisioned result = progress.AtRunEnd("died", std::string(100000, '\xff'));
  EXPECT_LE(result.log().size(), 65536u);
  EXPECT_TRUE(ToValidUtf8(result.log()) == result.log());
}

}  // namespace
}  // namespace longshore::provision
