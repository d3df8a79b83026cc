#include "common/logging.h"

#include <glog/logging.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "common/log_fields.h"
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
  static std::string LogOf(const Log& log, LogFormat format = LogFormat::kText) {
    ::testing::internal::CaptureStderr();
    {
      const Logging logging("/usr/bin/logging_test", format);
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

TEST_F(LoggingTest, AMessageIsAJsonObjectWithItsFields) {
  const std::string log = LogOf(
      [] {
        const LogFields outer{{"payload_id", int64_t{7}}, {"worker", "one"}};
        {
          const LogFields inner{{"worker", "two"}};
          LOG(WARNING) << "it is late";
        }
        LOG(INFO) << "again";
      },
      LogFormat::kJson);
  const auto object = nlohmann::json::parse(log.substr(0, log.find('\n')));
  EXPECT_EQ(object["severity"], "WARNING");
  EXPECT_EQ(object["message"], "it is late");
  EXPECT_EQ(object["program"], "logging_test");
  EXPECT_EQ(object["payload_id"], 7);
  EXPECT_EQ(object["worker"], "two");
  EXPECT_THAT(object["source"], StartsWith("logging_test.cc:"));
  EXPECT_THAT(object["time"].get<std::string>(),
              ::testing::MatchesRegex("2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{6}Z"));
  EXPECT_THAT(log.substr(log.find('\n')), HasSubstr("\"worker\":\"one\""));
}

TEST_F(LoggingTest, InJsonAMessageIsOneLineOfAscii) {
  const std::string log =
      LogOf([] { LOG(INFO) << "a\n\"b\x1b[2J\xe2\x80\xae\xff\xc3\xa9"; }, LogFormat::kJson);
  EXPECT_EQ(log.find('\n'), log.size() - 1);
  EXPECT_THAT(log, HasSubstr("a\\n\\\"b\\u001b[2J\\u202e\\ufffd\\u00e9"));
}

TEST_F(LoggingTest, FieldsAreOfTheirThread) {
  const std::string log = LogOf(
      [] {
        const LogFields fields{{"task_id", int64_t{1}}};
        std::thread([] { LOG(INFO) << "of another"; }).join();
      },
      LogFormat::kJson);
  EXPECT_THAT(log, ::testing::Not(HasSubstr("task_id")));
}

TEST_F(LoggingTest, AFormatHasAName) {
  LogFormat format = LogFormat::kText;
  EXPECT_TRUE(ParseLogFormat("json", &format));
  EXPECT_EQ(format, LogFormat::kJson);
  EXPECT_TRUE(ParseLogFormat("text", &format));
  EXPECT_EQ(format, LogFormat::kText);
  EXPECT_FALSE(ParseLogFormat("xml", &format));
}

}  // namespace
}  // namespace longshore
