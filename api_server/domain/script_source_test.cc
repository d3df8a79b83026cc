#include "api_server/domain/script_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "common/sha256.h"
#include "common/status.h"

namespace longshore::domain {
namespace {

namespace fs = std::filesystem;
using storage::Scope;

constexpr int64_t kLimit = 1000;

class ScriptSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/longshore-scripts-XXXXXX";
    top_ = mkdtemp(name);
    allowed_ = top_ / "allowed";
    fs::create_directories(allowed_ / "sub");
    fs::create_directories(top_ / "outside");
    Write(allowed_ / "a.sh", "echo a");
    Write(top_ / "outside" / "secret", "secret");
    source_ = std::make_unique<ScriptSource>(
        std::vector<PayloadDirectory>{{.path = allowed_},
                                      {.path = allowed_ / "shop", .project = "shop"},
                                      {.path = allowed_ / "shop/all"}},
        kLimit);
  }
  void TearDown() override { fs::remove_all(top_); }

  static void Write(const fs::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  // The reason of the error that `path` is refused with; "" when it is read.
  std::string Refusal(const fs::path& path) {
    const auto script = source_->Read(Scope::Everything(), path.string());
    return script.ok() ? "" : ReasonOf(script.status());
  }

  fs::path top_;
  fs::path allowed_;
  std::unique_ptr<ScriptSource> source_;
};

TEST_F(ScriptSourceTest, ReadsAFileOnce) {
  const auto script = source_->Read(Scope::Everything(), (allowed_ / "sub/../a.sh").string());
  ASSERT_TRUE(script.ok()) << script.status();
  EXPECT_EQ(script->content, "echo a");
  EXPECT_EQ(script->sha256, Sha256("echo a"));
  EXPECT_EQ(script->path, allowed_ / "a.sh");
  EXPECT_EQ(script->base_name, "a.sh");
}

TEST_F(ScriptSourceTest, ADirectoryMayBeForOneProject) {
  fs::create_directories(allowed_ / "shop/all");
  Write(allowed_ / "shop/mine.sh", "mine");
  Write(allowed_ / "shop/all/ours.sh", "ours");
  const auto read = [&](const Scope& scope, const char* name) {
    return source_->Read(scope, (allowed_ / name).string());
  };
  const auto mine = read(Scope::Of({"shop"}), "shop/mine.sh");
  ASSERT_TRUE(mine.ok()) << mine.status();
  EXPECT_EQ(mine->project, "shop");
  EXPECT_EQ(read(Scope::Everything(), "shop/mine.sh")->project, "shop");
  // What another project has is refused like what is outside, whether it is there or not.
  for (const char* name : {"shop/mine.sh", "shop/none.sh", "../outside/secret"}) {
    EXPECT_EQ(ReasonOf(read(Scope::Of({"blog"}), name).status()), "PAYLOAD_PATH_FORBIDDEN") << name;
  }
  // Nor by way of a link in a directory for all.
  fs::create_symlink("shop/mine.sh", allowed_ / "link.sh");
  fs::create_directory_symlink("shop", allowed_ / "door");
  for (const char* name : {"link.sh", "door/mine.sh", "door/none.sh", "door/none/x.sh"}) {
    EXPECT_EQ(ReasonOf(read(Scope::Of({"blog"}), name).status()), "PAYLOAD_PATH_FORBIDDEN") << name;
  }
  const auto ours = read(Scope::Of({"blog"}), "shop/all/ours.sh");
  ASSERT_TRUE(ours.ok()) << ours.status();
  EXPECT_EQ(ours->project, "");
}

TEST_F(ScriptSourceTest, FollowsSymlinksOnlyWithinTheDirectory) {
  fs::create_symlink("a.sh", allowed_ / "inside");
  fs::create_symlink(top_ / "outside" / "secret", allowed_ / "absolute");
  fs::create_symlink("../outside/secret", allowed_ / "relative");
  fs::create_directory_symlink("../outside", allowed_ / "directory");
  fs::create_symlink("loop", allowed_ / "loop");
  EXPECT_EQ(Refusal(allowed_ / "inside"), "");
  for (const char* name : {"absolute", "relative", "directory/secret", "loop"}) {
    EXPECT_EQ(Refusal(allowed_ / name), "PAYLOAD_PATH_FORBIDDEN") << name;
  }
}

TEST_F(ScriptSourceTest, RefusesWhatIsNotAReadableFileOfTheRightSize) {
  ASSERT_EQ(mkfifo((allowed_ / "fifo").c_str(), 0600), 0);
  Write(allowed_ / "empty", "");
  Write(allowed_ / "most", std::string(kLimit, 'x'));
  Write(allowed_ / "more", std::string(kLimit + 1, 'x'));
  EXPECT_EQ(Refusal(allowed_ / "fifo"), "PAYLOAD_PATH_INVALID");  // And does not wait for a writer.
  EXPECT_EQ(Refusal(allowed_), "PAYLOAD_PATH_INVALID");
  EXPECT_EQ(Refusal(allowed_ / "sub"), "PAYLOAD_PATH_INVALID");
  EXPECT_EQ(Refusal(allowed_ / "a.sh/x"), "PAYLOAD_PATH_INVALID");
  EXPECT_EQ(Refusal(allowed_ / "empty"), "PAYLOAD_PATH_INVALID");
  EXPECT_EQ(Refusal(allowed_ / "most"), "");
  EXPECT_EQ(Refusal(allowed_ / "more"), "PAYLOAD_TOO_LARGE");
  EXPECT_EQ(Refusal(allowed_ / "none"), "PAYLOAD_NOT_FOUND");
  EXPECT_EQ(Refusal(top_ / "outside" / "secret"), "PAYLOAD_PATH_FORBIDDEN");
  EXPECT_EQ(Refusal(allowed_ / "../outside/secret"), "PAYLOAD_PATH_FORBIDDEN");
  EXPECT_EQ(Refusal(allowed_.string() + "2/a"), "PAYLOAD_PATH_FORBIDDEN");
  EXPECT_EQ(Refusal("a.sh"), "PAYLOAD_PATH_INVALID");
  EXPECT_EQ(Refusal(""), "PAYLOAD_PATH_INVALID");
}

TEST_F(ScriptSourceTest, ReadsNothingEndlessAndNothingOfTheKernel) {
  const ScriptSource everything({{.path = "/"}}, kLimit);
  EXPECT_EQ(ReasonOf(everything.Read(Scope::Everything(), "/dev/zero").status()),
            "PAYLOAD_PATH_INVALID");
  // Its size is told as 0, and it has more bytes than the limit.
  EXPECT_EQ(ReasonOf(everything.Read(Scope::Everything(), "/proc/cpuinfo").status()),
            "PAYLOAD_TOO_LARGE");
  EXPECT_FALSE(everything.Read(Scope::Everything(), "/proc/self/fd/0").ok());
}

TEST_F(ScriptSourceTest, NeverReadsThroughALinkThatIsSwappedMeanwhile) {
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      fs::create_symlink(top_ / "outside" / "secret", allowed_ / "new");
      fs::rename(allowed_ / "new", allowed_ / "swapped");
      Write(allowed_ / "new", "echo a");
      fs::rename(allowed_ / "new", allowed_ / "swapped");
    }
  });
  int read = 0;
  int refused = 0;
  for (int i = 0; i < 200000 && (read < 50 || refused < 50); ++i) {
    const auto script = source_->Read(Scope::Everything(), (allowed_ / "swapped").string());
    if (script.ok()) {
      ++read;
      EXPECT_EQ(script->content, "echo a");
    } else {
      ++refused;
    }
  }
  stop = true;
  swapper.join();
  EXPECT_GE(read, 50);
  EXPECT_GE(refused, 50);
}

TEST_F(ScriptSourceTest, StopsAtTheLimitOfAFileThatGrows) {
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) {
      std::ofstream file(allowed_ / "grows", std::ios::trunc);
      for (int i = 0; i < 100 && !stop; ++i) file << std::string(100, 'x') << std::flush;
    }
  });
  int whole = 0;
  for (int i = 0; i < 2000; ++i) {
    const auto script = source_->Read(Scope::Everything(), (allowed_ / "grows").string());
    if (script.ok()) {
      ++whole;
      EXPECT_LE(script->content.size(), static_cast<size_t>(kLimit));
      EXPECT_EQ(script->sha256, Sha256(script->content));
    } else {
      const std::string reason = ReasonOf(script.status());
      EXPECT_TRUE(reason == "PAYLOAD_TOO_LARGE" || reason == "PAYLOAD_PATH_INVALID" ||
                  reason == "PAYLOAD_NOT_FOUND")
          << script.status();
    }
  }
  stop = true;
  writer.join();
}

TEST_F(ScriptSourceTest, TakesContentUpToTheLimit) {
  EXPECT_TRUE(source_->FromContent(std::string(kLimit, 'x')).ok());
  EXPECT_EQ(ReasonOf(source_->FromContent(std::string(kLimit + 1, 'x')).status()),
            "PAYLOAD_TOO_LARGE");
}

TEST(CleanPathTest, GoesByTheText) {
  EXPECT_EQ(CleanPath("/a/./b//c/"), "/a/b/c");
  EXPECT_EQ(CleanPath("/a/../../b"), "/b");
  EXPECT_EQ(CleanPath("/"), "/");
  EXPECT_EQ(CleanPath("/.."), "/");
}

}  // namespace
}  // namespace longshore::domain
