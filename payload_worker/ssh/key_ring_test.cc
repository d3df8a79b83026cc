#include "payload_worker/ssh/key_ring.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace longshore::ssh {
namespace {

namespace fs = std::filesystem;

class KeyRingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/longshore-keys-XXXXXX";
    top_ = mkdtemp(name);
    keys_ = top_ / "keys";
    fs::create_directories(keys_);
  }
  void TearDown() override { fs::remove_all(top_); }

  // Makes a key, or replaces one.
  static void Make(const fs::path& path, const std::string& options = "-t ed25519") {
    fs::remove(path);
    const std::string command = "ssh-keygen -q -N '' " + options + " -f " + path.string();
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  KeyRing Ring(bool with_file = false) {
    return KeyRing({.file = with_file ? (top_ / "file").string() : "", .directory = keys_});
  }
  static std::string Error(const absl::Status& status) { return std::string(status.message()); }

  fs::path top_;
  fs::path keys_;
};

TEST_F(KeyRingTest, EachProjectHasItsOwnOrTheDefaultOne) {
  Make(keys_ / "shop");
  Make(keys_ / "default");
  Make(top_ / "file");
  KeyRing ring = Ring(/*with_file=*/true);
  EXPECT_EQ(*ring.FileFor("shop"), keys_ / "shop");
  // The last two would lead out of the directory, or to what is no project's.
  for (const char* project : {"blog", "", ".", "..", "../file", ".hidden", "a/b"}) {
    EXPECT_EQ(*ring.FileFor(project), keys_ / "default") << project;
  }
  fs::remove(keys_ / "default");
  EXPECT_EQ(*ring.FileFor("blog"), top_ / "file");
  EXPECT_FALSE(Ring().FileFor("blog").ok());
  EXPECT_TRUE(ring.CheckAll().ok()) << ring.CheckAll();
}

TEST_F(KeyRingTest, AKeyThatHasChangedIsReadAgain) {
  Make(keys_ / "default");
  KeyRing ring = Ring();
  const auto first = ring.For("x");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(*ring.For("y"), *first) << "it is read once";
  Make(keys_ / "default");
  const auto second = ring.For("x");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(*second, *first);
  fs::remove(keys_ / "default");
  EXPECT_FALSE(ring.For("x").ok());
}

TEST_F(KeyRingTest, WhatIsNoGoodKeyIsRefused) {
  KeyRing ring = Ring();
  EXPECT_FALSE(ring.CheckAll().ok());
  Make(keys_ / "weak", "-t rsa -b 1024");
  EXPECT_NE(Error(ring.For("weak").status()).find("less than 2048 bits"), std::string::npos);
  Make(keys_ / "enough", "-t rsa -b 2048");
  EXPECT_TRUE(ring.For("enough").ok()) << ring.For("enough").status();
  Make(keys_ / "ecdsa", "-t ecdsa");
  EXPECT_TRUE(ring.For("ecdsa").ok()) << ring.For("ecdsa").status();
  Make(keys_ / "open");
  chmod((keys_ / "open").c_str(), 0640);
  EXPECT_NE(Error(ring.For("open").status()).find("others can read"), std::string::npos);
  std::ofstream(keys_ / "garbage") << "no key";
  chmod((keys_ / "garbage").c_str(), 0600);
  EXPECT_FALSE(ring.For("garbage").ok());
  EXPECT_FALSE(ring.CheckAll().ok());
  EXPECT_FALSE(KeyRing({.directory = "/nowhere"}).CheckAll().ok());
}

TEST_F(KeyRingTest, ACertificateBelongsToItsKey) {
  Make(keys_ / "shop");
  Make(top_ / "ca");
  const auto sign = [&](const fs::path& key) {
    const std::string command =
        "ssh-keygen -q -s " + (top_ / "ca").string() + " -I test -n root " + key.string() + ".pub";
    ASSERT_EQ(std::system(command.c_str()), 0);
  };
  sign(keys_ / "shop");
  ASSERT_TRUE(fs::exists(keys_ / "shop-cert.pub"));
  KeyRing ring = Ring();
  EXPECT_TRUE(ring.For("shop").ok()) << ring.For("shop").status();
  EXPECT_TRUE(ring.CheckAll().ok()) << ring.CheckAll();
  std::ofstream(keys_ / "shop-cert.pub") << "no certificate";
  EXPECT_NE(Error(ring.For("shop").status()).find("is not an OpenSSH certificate"),
            std::string::npos);
}

}  // namespace
}  // namespace longshore::ssh
