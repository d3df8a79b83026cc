#include "cli/contexts.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "cli/errors.h"
#include "common/status.h"

namespace longshore::cli {
namespace {

class ContextsTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("XDG_CONFIG_HOME", directory_.c_str(), 1);
    std::filesystem::remove_all(directory_);
  }

  void Write(const std::string& text) {
    std::filesystem::create_directories(directory_ + "/longshore");
    std::ofstream(ContextsPath()) << text;
    chmod(ContextsPath().c_str(), 0600);
  }

  const std::string directory_ = testing::TempDir() + "/contexts";
};

TEST_F(ContextsTest, AreReadAsTheyWereWritten) {
  EXPECT_TRUE(ReadContexts(ContextsPath())->by_name.empty());
  Contexts contexts{.current = "no: \"yes\""};
  contexts.by_name["no: \"yes\""] = {.api = "a:1", .ca = "/ca", .token_file = "/t #1"};
  contexts.by_name["here"] = {.api = "127.0.0.1:2", .cert = "/c", .key = "/k", .insecure = true};
  ASSERT_TRUE(WriteContexts(ContextsPath(), contexts).ok());
  struct stat about {};
  ASSERT_EQ(stat(ContextsPath().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  const auto read = ReadContexts(ContextsPath());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->current, contexts.current);
  ASSERT_EQ(read->by_name.size(), 2u);
  for (const auto& [name, context] : contexts.by_name) {
    const AccessOptions& again = read->by_name.at(name);
    EXPECT_EQ(again.api, context.api);
    EXPECT_EQ(again.ca, context.ca);
    EXPECT_EQ(again.cert, context.cert);
    EXPECT_EQ(again.key, context.key);
    EXPECT_EQ(again.token_file, context.token_file);
    EXPECT_EQ(again.insecure, context.insecure);
  }
}

TEST_F(ContextsTest, AFileThatIsWrongIsAWrongCommandLine) {
  for (const char* text : {"contexts: {a: {apis: x}}", "contexts: {a: 7}", "current: [1]", "{", "7",
                           "contexts: {a: {insecure: perhaps}}", "contexts: {a: {api: [x]}}"}) {
    Write(text);
    const auto read = ReadContexts(ContextsPath());
    EXPECT_EQ(ExitStatusOf(read.status()), kExitUsage) << text;
  }
}

TEST_F(ContextsTest, TheOneInUseIsForWhoNamesNoApiServer) {
  Write(R"(
current: shop
contexts:
  shop: {api: "shop:1", ca: /shop.crt, token_file: /shop.token}
  blog: {api: "blog:1", ca: /blog.crt, token_file: /blog.token}
)");
  EXPECT_EQ(WithContext({}, {})->token_file, "/shop.token");
  EXPECT_EQ(WithContext({.context = "blog"}, {})->ca, "/blog.crt");
  EXPECT_EQ(WithContext({}, {.context = "blog"})->ca, "/blog.crt");
  // An api_server of another installation does not get to see the token.
  EXPECT_EQ(WithContext({.api = "other:1"}, {})->token_file, "");
  EXPECT_EQ(WithContext({.api = "other:1"}, {})->ca, "");
  EXPECT_EQ(WithContext({.api = "other:1"}, {.context = "shop"})->token_file, "");
  EXPECT_EQ(WithContext({}, {.api = "other:1"})->token_file, "");
  EXPECT_EQ(WithContext({.api = "shop:2", .context = "shop"}, {})->token_file, "/shop.token");
  EXPECT_EQ(ExitStatusOf(WithContext({.context = "none"}, {}).status()), kExitUsage);
}

TEST_F(ContextsTest, AContextThatIsNamedComesBeforeVariables) {
  Write(R"(
contexts:
  shop: {api: "shop:1", ca: /shop.crt}
)");
  const AccessOptions variables{.api = "demo:1", .ca = "/demo.crt", .insecure = true};
  const auto named = WithContext({.context = "shop"}, variables);
  EXPECT_EQ(named->api, "shop:1");
  EXPECT_EQ(named->ca, "/shop.crt");
  EXPECT_FALSE(named->insecure);
  EXPECT_EQ(WithContext({}, variables)->api, "demo:1");
  EXPECT_EQ(WithContext({.api = "127.0.0.1:1"}, variables)->ca, "/demo.crt");
}

TEST_F(ContextsTest, WhatBelongsTogetherIsReplacedTogether) {
  const AccessOptions tls{.api = "a:1", .ca = "/ca", .cert = "/c", .key = "/k"};
  EXPECT_EQ(Merged({.cert = "/d"}, tls).key, "");
  EXPECT_EQ(Merged({.insecure = true}, tls).ca, "");
  EXPECT_TRUE(Merged({.insecure = true}, tls).insecure);
  EXPECT_FALSE(Merged({.ca = "/ca"}, {.api = "a:1", .insecure = true}).insecure);
  EXPECT_EQ(Merged({.token_file = "/t"}, tls).ca, "/ca");
}

}  // namespace
}  // namespace longshore::cli
