// Uploads through a session to the machine's own sftp-server, behind an SSH server of the test's.
#include "payload_worker/ssh/sftp_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "common/status.h"
#include "payload_worker/ssh/connect.h"
#include "payload_worker/ssh/session.h"
#include "payload_worker/ssh/testing/ssh_server.h"

namespace longshore::ssh {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kTemporary[] = ".longshore-run.7-2";

class SftpUploadTest : public ::testing::Test {
 protected:
  SftpUploadTest() {
    std::string pattern = ::testing::TempDir() + "sftp.XXXXXX";
    keys_ = mkdtemp(pattern.data());
    home_ = keys_ + "/home";
    std::filesystem::create_directory(home_);
    target_ = home_ + "/x.sh";
  }
  ~SftpUploadTest() override {
    session_.reset();
    server_.reset();
    std::filesystem::remove_all(keys_);
  }

  void Connect(SshServerOptions options = {}) {
    session_.reset();
    server_.reset();
    server_ = std::make_unique<SshServer>(keys_, home_, std::move(options));
    const auto key = PrivateKey::Load(server_->client_key_file());
    ASSERT_TRUE(key.ok()) << key.status();
    const Dialer dialer{
        .allowed = &everywhere_, .timeouts = {}, .watchdog = &watchdog_, .tunnels = &tunnels_};
    auto session = longshore::ssh::Connect(
        {.address = "127.0.0.1", .port = server_->port(), .user = "u"}, *key, dialer,
        [](const std::string& host_key) { return host_key; }, [](int) {});
    ASSERT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
    ASSERT_TRUE(session_->Login(*key).ok());
  }
  absl::StatusOr<UploadedFile> Upload(const std::string& content) {
    return session_->Upload(target_, content, options_);
  }

  void WriteFile(const std::string& name, const std::string& content) const {
    std::ofstream(home_ + "/" + name) << content;
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // The names of what is in the directory of the target.
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(home_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  // Of several parts, none like another.
  static std::string LargeContent() {
    std::string content;
    for (int i = 0; content.size() < 1000000; ++i) content += std::to_string(i) + '\0';
    return content;
  }

  std::string keys_;
  std::string home_;
  std::string target_;
  UploadOptions options_{
      .owner = "run", .suffix = "7-2", .is_first = true, .wanted = [] { return true; }};
  const Networks everywhere_;
  Watchdog watchdog_;
  Tunnels tunnels_;
  std::unique_ptr<SshServer> server_;
  std::unique_ptr<Session> session_;
};

void ExpectFailure(const absl::StatusOr<UploadedFile>& file, const std::string& reason,
                   const std::string& message) {
  EXPECT_EQ(ReasonOf(file.status()), reason) << file.status();
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(message));
}

TEST_F(SftpUploadTest, TheContentArrivesWholeUnderATemporaryNameBesideTheTarget) {
  Connect();
  const std::string content = LargeContent();
  const auto file = Upload(content);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->path, target_);
  EXPECT_EQ(file->temporary, home_ + "/" + kTemporary);
  EXPECT_THAT(Names(), ElementsAre(kTemporary));
  EXPECT_TRUE(ReadFile(file->temporary) == content);
  struct stat status = {};
  ASSERT_EQ(stat(file->temporary.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
}

TEST_F(SftpUploadTest, AnEmptyContentIsAnEmptyFile) {
  Connect();
  const auto file = Upload("");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(std::filesystem::is_empty(file->temporary));
}

TEST_F(SftpUploadTest, OneSessionUploadsOneAfterTheOther) {
  Connect();
  for (const std::string suffix : {"7-2", "8-1", "9-1"}) {
    options_.suffix = suffix;
    const auto file = Upload(suffix);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadFile(file->temporary), suffix);
    EXPECT_TRUE(session_->Renew());
  }
}

TEST_F(SftpUploadTest, TheLoginDirectoryStandsForATilde) {
  Connect();
  target_ = "~/y.sh";
  const auto file = Upload("x");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->path, home_ + "/y.sh");
  EXPECT_EQ(ReadFile(home_ + "/" + kTemporary), "x");
}

TEST_F(SftpUploadTest, WhatIsAtTheTargetStaysAsItIs) {
  WriteFile("other", "other");
  for (const bool link : {false, true}) {
    std::filesystem::remove(target_);
    if (link) {
      std::filesystem::create_symlink("other", target_);
    } else {
      WriteFile("x.sh", "other");
    }
    Connect();
    const auto file = Upload("new");
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(ReadFile(target_), "other");
    std::filesystem::remove(file->temporary);
  }
}

TEST_F(SftpUploadTest, WhatAnEarlierUploadOfTheRunHasLeftIsRemoved) {
  WriteFile(".longshore-run.7-1", "x");
  WriteFile(".longshore-run2.8-1", "x");
  WriteFile("y", "x");
  Connect();
  options_.is_first = false;
  EXPECT_TRUE(Upload("x").ok());
  EXPECT_THAT(Names(), UnorderedElementsAre(".longshore-run2.8-1", kTemporary, "y"));
}

TEST_F(SftpUploadTest, AFileOfThatNameIsNotWrittenTo) {
  WriteFile(kTemporary, "another's");
  Connect();
  ExpectFailure(Upload("x"), "TRANSFER_FAILED", "create a file beside");
  EXPECT_EQ(ReadFile(home_ + "/" + kTemporary), "another's");
}

TEST_F(SftpUploadTest, ADirectoryThatIsNotThereIsRefused) {
  target_ = home_ + "/none/x.sh";
  Connect();
  ExpectFailure(Upload("x"), "REMOTE_PATH_REFUSED", "does not exist");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SftpUploadTest, WhereNothingMayBeMadeTheTransferFails) {
  Connect({.sftp_arguments = {"-P", "open"}});
  ExpectFailure(Upload("x"), "TRANSFER_FAILED", "permission denied");
  EXPECT_FALSE(absl::IsUnavailable(Upload("x").status())) << "that is final";
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SftpUploadTest, WhereNothingMayBeWrittenTheTransferFails) {
  Connect({.sftp_arguments = {"-P", "write"}});
  ExpectFailure(Upload("x"), "TRANSFER_FAILED", "permission denied");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SftpUploadTest, OnAFullDiskTheTransferFailsAndNothingIsLeft) {
  Connect({.max_file_bytes = 200000});
  ExpectFailure(Upload(LargeContent()), "TRANSFER_FAILED", "disk full");
  EXPECT_THAT(Names(), IsEmpty());
  EXPECT_TRUE(Upload("x").ok()) << "the session is still good";
}

TEST_F(SftpUploadTest, WhatIsNotWantedIsNotBegun) {
  Connect();
  options_.wanted = [] { return false; };
  ExpectFailure(Upload("x"), "UNREACHABLE", "lease was lost");
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SftpUploadTest, WhatIsNotWantedAnyMoreIsRemoved) {
  Connect();
  int asked = 0;
  options_.wanted = [&] { return ++asked < 5; };
  ExpectFailure(Upload(LargeContent()), "UNREACHABLE", "lease was lost");
  EXPECT_EQ(asked, 5);
  EXPECT_THAT(Names(), IsEmpty());
}

TEST_F(SftpUploadTest, ALinkThatBreaksMidwayMayBeTriedAgain) {
  Connect({.end_link_after = 200000});
  const auto broken = Upload(LargeContent());
  EXPECT_TRUE(absl::IsUnavailable(broken.status()));
  ExpectFailure(broken, "UNREACHABLE", "SFTP to 127.0.0.1");
  Connect();
  options_.is_first = false;
  options_.suffix = "7-3";
  EXPECT_TRUE(Upload("x").ok());
  EXPECT_THAT(Names(), ElementsAre(".longshore-run.7-3")) << "what was left is gone";
}

TEST_F(SftpUploadTest, AnSftpServerThatEndsMidwayMayBeTriedAgain) {
  Connect({.kill_sftp_after = 200000});
  const auto broken = Upload(LargeContent());
  EXPECT_TRUE(absl::IsUnavailable(broken.status()));
  ExpectFailure(broken, "UNREACHABLE", "SFTP to 127.0.0.1");
}

TEST_F(SftpUploadTest, AnSftpServerThatDoesNotBeginMayBeTriedAgain) {
  Connect({.sftp_arguments = {"--none"}});
  EXPECT_TRUE(absl::IsUnavailable(Upload("x").status()));
  ExpectFailure(Upload("x"), "UNREACHABLE", "the instance offers no SFTP");
}

}  // namespace
}  // namespace longshore::ssh
