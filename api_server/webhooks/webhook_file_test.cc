#include "api_server/webhooks/webhook_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace longshore::webhooks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class WebhookFileTest : public ::testing::Test {
 protected:
  void SetUp() override { Write("secret", "0123456789abcdef\nnot this\n", 0600); }

  std::string Path(const std::string& name) const { return ::testing::TempDir() + "/" + name; }

  void Write(const std::string& name, const std::string& text, mode_t mode) const {
    std::ofstream(Path(name)) << text;
    ASSERT_EQ(chmod(Path(name).c_str(), mode), 0);
  }

  // With SECRET in `text` standing for the file that has it.
  absl::StatusOr<std::vector<Webhook>> Read(std::string text) {
    for (size_t at; (at = text.find("SECRET")) != std::string::npos;) {
      text.replace(at, 6, Path("secret"));
    }
    Write("webhooks", text, 0644);
    return ReadWebhooks(Path("webhooks"));
  }

  std::string Problem(const std::string& text) {
    const auto read = Read(text);
    EXPECT_FALSE(read.ok()) << text;
    return std::string(read.status().message());
  }
};

TEST_F(WebhookFileTest, EachLineIsOne) {
  const auto read = Read(
      "# who is told\n\nall  *  https://hooks.example.org/x?y=1  SECRET\n"
      "shop\tshop,site http://10.0.0.1:8080 SECRET " +
      Path("secret"));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_THAT(*read, SizeIs(2));
  const Webhook& all = (*read)[0];
  EXPECT_EQ(all.name, "all");
  EXPECT_THAT(all.projects, IsEmpty());
  EXPECT_EQ(all.url, "https://hooks.example.org/x?y=1");
  EXPECT_EQ(all.secret, "0123456789abcdef");
  EXPECT_EQ(all.ca_file, "");
  EXPECT_TRUE(all.uses_tls());
  const Webhook& shop = (*read)[1];
  EXPECT_THAT(shop.projects, ElementsAre("shop", "site"));
  EXPECT_EQ(shop.ca_file, Path("secret"));
  EXPECT_FALSE(shop.uses_tls());
}

TEST_F(WebhookFileTest, AnEmptyFileHasNone) {
  ASSERT_TRUE(Read("").ok());
  EXPECT_THAT(*Read("# none\n"), IsEmpty());
}

TEST_F(WebhookFileTest, WhatIsWrongIsNamedAndNotRepeated) {
  EXPECT_THAT(Problem("a * https://h.example/word"), HasSubstr("line 1: is not NAME"));
  EXPECT_THAT(Problem("\na * https://h.example/word SECRET b c"), HasSubstr("line 2: is not NAME"));
  EXPECT_THAT(Problem("a/b * https://h.example SECRET"), HasSubstr("has a name"));
  EXPECT_THAT(Problem("a shop,,b https://h.example SECRET"), HasSubstr("has projects"));
  EXPECT_THAT(Problem("a shop,* https://h.example SECRET"), HasSubstr("has projects"));
  for (const char* url : {"ftp://h.example/word", "h.example/word", "https:///word",
                          "https://user:word@h.example/", "file:///word", "https://"}) {
    EXPECT_THAT(Problem("a * " + std::string(url) + " SECRET"),
                AllOf(HasSubstr("has a URL"), Not(HasSubstr("word"))));
  }
  EXPECT_THAT(Problem("a * https://h.example SECRET\na * https://h.example SECRET"),
              HasSubstr("line 2: has the name of another"));
  EXPECT_THAT(Problem("a * https://h.example /nowhere"), HasSubstr("cannot be read or has"));
  EXPECT_THAT(Problem("a * https://h.example SECRET /nowhere"),
              HasSubstr("'/nowhere' cannot be read"));
  Write("secret", "short", 0600);
  EXPECT_THAT(Problem("a * https://h.example SECRET"), HasSubstr("less than 16 characters"));
  Write("secret", "0123456789abcdef", 0640);
  EXPECT_THAT(Problem("a * https://h.example SECRET"), HasSubstr("others can read"));
  EXPECT_FALSE(ReadWebhooks("/nowhere").ok());
}

}  // namespace
}  // namespace longshore::webhooks
