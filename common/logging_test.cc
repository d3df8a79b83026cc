#include "common/logging.h"

#include <glog/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace longshore {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class LoggingTest : public ::testing::Test {
 protected:
  // What the log says of one message.
  template <typename Log>
  static std::string LogOf(const Log& log) {
    ::testing::internal::CaptureStderr();
    {
      const Logging logging("logging_test");
      log();
    }
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LoggingTest, AMessageIsALineInGlogsFormat) {
  const std::string log = LogOf([] { LOG(WARNING) << "it is late"; });
  EXPECT_THAT(log, AllOf(StartsWith("W"), HasSubstr("logging_test.cc:"), EndsWith("it is late\n")));
}

TEST_F(LoggingTest, AMessageStaysOneLineWhateverANameHolds) {
  const std::string log = LogOf([] {
    LOG(INFO) << "worker 'a\nI1126 forged\r\x1b[2J\xc2\x85\xe2\x80\xae\xe2\x80\xa8 \xff é' left";
  });
  EXPECT_THAT(log, EndsWith("worker 'a\\x0aI1126 forged\\x0d\\x1b[2J\\u0085\\u202e\\u2028 "
                            "\xEF\xBF\xBD é' left\n"));
  EXPECT_EQ(log.find('\n'), log.size() - 1);
}

TEST_F(LoggingTest, GrpcsMessagesAreInTheLog) {
  const std::string log = LogOf([] {
    grpc_init();
    gpr_log(GPR_ERROR, "peer %s", "a\nb");
    grpc_shutdown();
  });
  EXPECT_THAT(log, AllOf(StartsWith("E"), EndsWith("peer a\\x0ab\n")));
}

TEST_F(LoggingTest, ALongMessageIsWhole) {
  const std::string text(20000, 'x');
  EXPECT_THAT(LogOf([&] { LOG(INFO) << text; }), EndsWith(text + "\n"));
}

}  // namespace
}  // namespace longshore
