#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "common/backoff.h"
#include "common/grpc_status.h"
#include "common/live_count.h"
#include "common/output_limit.h"
#include "common/sha256.h"
#include "common/status.h"
#include "common/utf8.h"
#include "common/work_queue.h"
#include "google/rpc/error_details.pb.h"

namespace longshore {
namespace {

using std::chrono::milliseconds;

TEST(OutputLimitTest, HalvesAddUp) {
  const OutputLimit limit(11);
  EXPECT_EQ(limit.head + limit.tail, 11);
}

TEST(BackoffTest, DoublesUpToTheMaximum) {
  const BackoffOptions options{.initial = milliseconds(100), .maximum = milliseconds(1000)};
  EXPECT_EQ(BackoffDelay(options, 1, 0), milliseconds(50));
  EXPECT_EQ(BackoffDelay(options, 2, 0), milliseconds(100));
  EXPECT_EQ(BackoffDelay(options, 4, 0), milliseconds(400));
  EXPECT_EQ(BackoffDelay(options, 100, 0), milliseconds(500));
  EXPECT_LT(BackoffDelay(options, 100, 0.999), milliseconds(1000));
}

TEST(Sha256Test, MatchesTheStandardsExample) {
  // FIPS 180-4, "abc".
  const std::string hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(HexEncode(Sha256("abc")), hex);
  EXPECT_EQ(HexDecode(hex), Sha256("abc"));
  EXPECT_EQ(HexDecode("xy"), "");
  EXPECT_EQ(HexDecode("abc"), "");
}

TEST(Sha256Test, HmacMatchesTheStandardsExamples) {
  // RFC 4231, test cases 2 and 6: a short key, and one that is longer than a block.
  EXPECT_EQ(HexEncode(HmacSha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(HexEncode(HmacSha256(std::string(131, '\xaa'),
                                 "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Utf8Test, ReplacesWhatIsNotWellFormed) {
  EXPECT_EQ(ToValidUtf8("plain \xC3\xA9 \xF0\x9F\x9A\xA2"), "plain \xC3\xA9 \xF0\x9F\x9A\xA2");
  EXPECT_EQ(ToValidUtf8("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(ToValidUtf8("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // Overlong.
  EXPECT_EQ(ToValidUtf8("\xED\xA0\x80").size(), 9u);               // A surrogate.
  EXPECT_EQ(ToValidUtf8("cut \xE2\x82"), "cut \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(ToValidUtf8(std::string("a\0b", 3)), std::string("a\0b", 3));
}

TEST(Utf8Test, PrintableLineHidesControlCharactersAndCuts) {
  EXPECT_EQ(ToPrintableLine("a\x1b[31mb\nc", 100), "a?[31mb?c");
  EXPECT_EQ(ToPrintableLine("abcdef", 3), "abc");
}

TEST(StatusTest, DetailsTravelThroughGrpc) {
  const absl::Status status = WithFieldViolation(
      WithReason(absl::InvalidArgumentError("port 99999 is out of range"), "PORT_INVALID"), "port",
      "must be 1 to 65535");
  const grpc::Status grpc_status = ToGrpcStatus(status);
  EXPECT_EQ(grpc_status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status rpc;
  ASSERT_TRUE(rpc.ParseFromString(grpc_status.error_details()));
  EXPECT_EQ(rpc.code(), 3);
  ASSERT_EQ(rpc.details_size(), 2);
  bool found = false;
  for (const auto& detail : rpc.details()) {
    google::rpc::ErrorInfo info;
    if (!detail.UnpackTo(&info)) continue;
    found = true;
    EXPECT_EQ(info.reason(), "PORT_INVALID");
    EXPECT_EQ(info.domain(), "longshore");
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(ReasonOf(status), "PORT_INVALID");
}

TEST(LiveCountTest, WaitsForTheLast) {
  LiveCount count;
  count.AwaitNone();
  bool ended = false;
  auto first = std::make_unique<LiveCount::Member>(&count);
  auto second = std::make_unique<LiveCount::Member>(&count);
  first.reset();
  std::thread other([&] {
    ended = true;
    second.reset();
  });
  count.AwaitNone();
  EXPECT_TRUE(ended);
  other.join();
}

TEST(WorkQueueTest, RunsEverythingThenJoins) {
  std::promise<void> last;
  int runs = 0;
  {
    WorkQueue queue(1);
    for (int i = 0; i < 100; ++i) queue.Add([&] { ++runs; });
    queue.Add([&] { last.set_value(); });
    last.get_future().wait();
  }
  EXPECT_EQ(runs, 100);
}

}  // namespace
}  // namespace longshore
