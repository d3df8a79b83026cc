#include "payload_worker/ssh/tunnels.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/descriptor.h"
#include "common/status.h"
#include "payload_worker/ssh/connect.h"
#include "payload_worker/ssh/testing/ssh_server.h"

namespace longshore::ssh {
namespace {

using Kind = SshServerOptions::Tunnel;

class TunnelsTest : public ::testing::Test {
 protected:
  TunnelsTest() {
    std::string pattern = ::testing::TempDir() + "tunnels.XXXXXX";
    directory_ = mkdtemp(pattern.data());
    tunnels_ = std::make_unique<Tunnels>();
  }
  ~TunnelsTest() override {
    tunnels_.reset();
    servers_.clear();
    std::filesystem::remove_all(directory_);
  }

  std::unique_ptr<Session> Enter(Kind kind) {
    servers_.push_back(
        std::make_unique<SshServer>(directory_, directory_, SshServerOptions{.tunnel = kind}));
    const auto key = PrivateKey::Load(servers_.back()->client_key_file());
    EXPECT_TRUE(key.ok()) << key.status();
    const Dialer dialer{
        .allowed = &everywhere_, .timeouts = {}, .watchdog = &watchdog_, .tunnels = tunnels_.get()};
    auto session = longshore::ssh::Connect(
        {.address = "127.0.0.1", .port = servers_.back()->port(), .user = "u"}, *key, dialer,
        [](const std::string& host_key) { return host_key; }, [](int) {});
    EXPECT_TRUE(session.ok()) << session.status();
    EXPECT_TRUE((*session)->Login(*key).ok());
    return *std::move(session);
  }

  // The near end of a connection through a host of that kind.
  Descriptor Open(Kind kind) {
    std::unique_ptr<Session> host = Enter(kind);
    const absl::Status opened = host->OpenTunnel("192.0.2.1", 22);
    EXPECT_TRUE(opened.ok()) << opened;
    const auto near = tunnels_->Add(std::move(host));
    EXPECT_TRUE(near.ok()) << near.status();
    return Descriptor(*near);
  }

  // Everything that comes until the end.
  static std::string ReadAll(const Descriptor& near) {
    std::string all;
    char buffer[4096];
    while (true) {
      const ssize_t n = recv(near.get(), buffer, sizeof(buffer), 0);
      if (n <= 0) return all;
      all.append(buffer, static_cast<size_t>(n));
    }
  }

  static void ExpectEcho(const Descriptor& near, const std::string& text) {
    std::thread writer([&] {
      EXPECT_EQ(send(near.get(), text.data(), text.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(text.size()));
    });
    std::string back(text.size(), '\0');
    EXPECT_EQ(recv(near.get(), back.data(), back.size(), MSG_WAITALL),
              static_cast<ssize_t>(text.size()));
    EXPECT_TRUE(back == text);
    writer.join();
  }

  std::string directory_;
  const Networks everywhere_;
  Watchdog watchdog_;
  std::vector<std::unique_ptr<SshServer>> servers_;  // Each ends with its connection.
  std::unique_ptr<Tunnels> tunnels_;
};

TEST_F(TunnelsTest, PassesBytesBothWays) {
  const Descriptor near = Open(Kind::kEcho);
  ExpectEcho(near, "hello");
  std::string much(3 << 20, '\0');
  for (size_t i = 0; i < much.size(); ++i) much[i] = static_cast<char>(i * 7 + i / 255);
  ExpectEcho(near, much);
}

TEST_F(TunnelsTest, TheConnectionToTheHostEndsWithTheNearEnd) {
  for (const Kind kind : {Kind::kEcho, Kind::kDeaf}) {
    Open(kind);
    servers_.clear();  // Returns when the connection has ended.
  }
}

TEST_F(TunnelsTest, TheNearEndEndsWithTheConnection) {
  EXPECT_EQ(ReadAll(Open(Kind::kLastWord)), "a last word");
  const Descriptor near = Open(Kind::kEcho);
  ExpectEcho(near, "hello");
  tunnels_.reset();
  EXPECT_EQ(ReadAll(near), "");
}

TEST_F(TunnelsTest, AHostThatSendsWhatIsNoPartOfTheConnectionIsLeft) {
  const Descriptor beside = Open(Kind::kEcho);
  for (const Kind kind : {Kind::kErrors, Kind::kFlood}) {
    const Descriptor near = Open(kind);
    ExpectEcho(beside, "meanwhile");
    EXPECT_EQ(ReadAll(near), "");
  }
}

TEST_F(TunnelsTest, OfWhatAHostDoesNotReadLittleIsHeld) {
  const Descriptor beside = Open(Kind::kEcho);
  const Descriptor near = Open(Kind::kDeaf);
  // Until nothing more is taken: while another connection goes on, which the loop has served since.
  const std::string part(size_t{64} * 1024, 'x');
  size_t taken = 0;
  for (int quiet = 0; quiet < 20;) {
    const ssize_t n = send(near.get(), part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) taken += static_cast<size_t>(n);
    quiet = n > 0 ? 0 : quiet + 1;
    ExpectEcho(beside, "meanwhile");
    ASSERT_LT(taken, size_t{64} << 20);
  }
  EXPECT_GT(taken, 0u);
}

TEST_F(TunnelsTest, AHostMayRefuseToConnect) {
  const absl::Status refused = Enter(Kind::kRefused)->OpenTunnel("192.0.2.1", 22);
  EXPECT_TRUE(absl::IsUnavailable(refused)) << refused;
  EXPECT_EQ(ReasonOf(refused), "UNREACHABLE");
}

}  // namespace
}  // namespace longshore::ssh
