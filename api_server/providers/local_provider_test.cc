// Local instances: real ones.
#include "api_server/providers/local_provider.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace longshore::providers {
namespace {

class LocalProviderTest : public ::testing::Test {
 protected:
  LocalProviderTest() {
    char name[] = "/tmp/local-provider-XXXXXX";
    directory_ = mkdtemp(name);
    provider_ = std::make_unique<LocalProvider>(directory_);
  }
  ~LocalProviderTest() override {
    EXPECT_TRUE(provider_->Delete(spec_.key).ok());
    std::filesystem::remove_all(directory_);
  }

  Machine CreateToTheEnd() {
    while (true) {
      const auto step = provider_->Create(spec_);
      if (!step.ok() || step->has_value()) {
        EXPECT_TRUE(step.ok()) << step.status();
        return step.ok() ? **step : Machine();
      }
    }
  }

  bool IsUp() {
    return RunProgram({"bash", "-c", "! flock -n \"$1\" true", "up", directory_ + "/k/lock"},
                      std::chrono::seconds(30))
               ->exit_status == 0;
  }

  std::string directory_;
  MachineSpec spec_{.key = "k", .name = "n", .authorized_keys = {"ssh-ed25519 AAAA"}};
  std::unique_ptr<LocalProvider> provider_;
};

TEST_F(LocalProviderTest, MakesAMachineOnce) {
  const Machine first = CreateToTheEnd();
  EXPECT_EQ(first.address, "127.0.0.1");
  EXPECT_EQ(first.ssh_user, "root");
  EXPECT_EQ(first.host_key.substr(0, 16), "ssh-ed25519 AAAA");
  LocalProvider another(directory_);  // As after a restart.
  const auto again = another.Create(spec_);
  ASSERT_TRUE(again.ok() && again->has_value());
  EXPECT_EQ((*again)->port, first.port);
  EXPECT_EQ((*again)->host_key, first.host_key);
}

TEST_F(LocalProviderTest, GoesOnFromAHalfMadeOne) {
  std::filesystem::create_directories(directory_ + "/k");
  std::ofstream(directory_ + "/k/host_key") << "half";
  EXPECT_GT(CreateToTheEnd().port, 0);
}

TEST_F(LocalProviderTest, ResumesWhatHasStopped) {
  const Machine machine = CreateToTheEnd();
  std::ofstream(directory_ + "/k/root/kept") << "data";
  ASSERT_EQ(
      RunProgram({"bash", "-c", "kill -KILL \"$(cat \"$1/pid\")\"; flock -w 30 \"$1/lock\" true",
                  "kill", directory_ + "/k"},
                 std::chrono::seconds(60))
          ->exit_status,
      0);
  ASSERT_TRUE(provider_->Resume("k").ok());
  EXPECT_EQ(CreateToTheEnd().port, machine.port) << "nobody has taken it";
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/k/root/kept"));
  EXPECT_TRUE(provider_->Resume("none").ok());
}

TEST_F(LocalProviderTest, DeletesEverything) {
  CreateToTheEnd();
  EXPECT_TRUE(IsUp());
  ASSERT_TRUE(provider_->Delete("k").ok());
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/k"));
  EXPECT_TRUE(provider_->Delete("k").ok()) << "once more does no harm";
}

TEST_F(LocalProviderTest, RefusesWhatItDoesNotHave) {
  const absl::Status status = provider_->Check({.region = "mars"});
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_NE(std::string(status.message()).find("'mars'"), std::string::npos);
}

}  // namespace
}  // namespace longshore::providers
