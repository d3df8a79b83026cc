#include "api_server/domain/remote_path.h"

#include <gtest/gtest.h>

#include "common/status.h"

namespace longshore::domain {
namespace {

bool Taken(std::string_view path, const std::vector<std::string>& allowed = {}) {
  return ValidateRemotePath(path, allowed).ok();
}

TEST(ValidateRemotePathTest, TakesNormalisedAbsolutePaths) {
  for (const char* path : {"/a", "/root/setup.sh", "/opt/.hidden/..a/b..", "/srv/naïve name.sh",
                           "/bootstrap/x", "/device", "/x/proc/y"}) {
    EXPECT_TRUE(Taken(path)) << path;
  }
}

TEST(ValidateRemotePathTest, RefusesWhatTheContractNames) {
  for (const char* path :
       {"",          "a",          "~/a",       "./a",     "/",           "//a",
        "/a//b",     "/a/",        "/a/./b",    "/a/../b", "/..",         "/.",
        "/a\nb",     "/a\x7f",     "/a\x1b[0m", "/proc",   "/proc/1/mem", "/sys/x",
        "/dev/null", "/dev/shm/x", "/boot/x",   "/a\xff"}) {
    EXPECT_FALSE(Taken(path)) << path;
  }
  EXPECT_FALSE(Taken(std::string_view("/a\0b", 4)));
}

TEST(ValidateRemotePathTest, CountsBytes) {
  std::string path;
  while (path.size() + 100 <= 1024) path += "/" + std::string(99, 'a');
  path += "/" + std::string(1024 - path.size() - 1, 'a');
  ASSERT_EQ(path.size(), 1024u);
  EXPECT_TRUE(Taken(path));
  EXPECT_FALSE(Taken(path + "a"));
  EXPECT_TRUE(Taken("/" + std::string(255, 'a')));
  EXPECT_FALSE(Taken("/" + std::string(256, 'a')));
}

TEST(ValidateRemotePathTest, KeepsToTheAllowedDirectories) {
  const std::vector<std::string> allowed = {"/opt/jobs", "/srv/"};
  EXPECT_TRUE(Taken("/opt/jobs/a", allowed));
  EXPECT_TRUE(Taken("/srv/a/b", allowed));
  EXPECT_FALSE(Taken("/opt/jobs", allowed));
  EXPECT_FALSE(Taken("/opt/jobs2/a", allowed));
  EXPECT_FALSE(Taken("/root/a", allowed));
  EXPECT_TRUE(Taken("/root/a", {"/"}));
}

TEST(ValidateRemotePathTest, NamesTheValueAndTheRule) {
  const std::string message = ToString(ValidateRemotePath("/a//b", {}));
  EXPECT_NE(message.find("/a//b"), std::string::npos) << message;
  EXPECT_NE(message.find("normalised"), std::string::npos) << message;
}

TEST(DefaultRemotePathTest, IsInTheHomeAndEndsInSh) {
  EXPECT_EQ(DefaultRemotePath("root", "", "setup"), "/root/setup.sh");
  EXPECT_EQ(DefaultRemotePath("root", "", "setup.sh"), "/root/setup.sh");
  EXPECT_EQ(DefaultRemotePath("root", "", "sh"), "/root/sh.sh");
  EXPECT_EQ(DefaultRemotePath("ada", "", "x"), "~/x.sh");
  EXPECT_EQ(DefaultRemotePath("ada", "/srv/ada", "x"), "/srv/ada/x.sh");
}

TEST(IsBeneathTest, ComparesWholeNames) {
  EXPECT_TRUE(IsBeneath("/a/b", "/a"));
  EXPECT_TRUE(IsBeneath("/a", "/a/"));
  EXPECT_TRUE(IsBeneath("/a", "/"));
  EXPECT_FALSE(IsBeneath("/ab", "/a"));
  EXPECT_FALSE(IsBeneath("/a", "/a/b"));
}

}  // namespace
}  // namespace longshore::domain
