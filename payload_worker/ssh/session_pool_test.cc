#include "payload_worker/ssh/session_pool.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "payload_worker/ssh/connect.h"
#include "payload_worker/ssh/testing/ssh_server.h"

namespace longshore::ssh {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class SessionPoolTest : public ::testing::Test {
 protected:
  SessionPoolTest() {
    std::string pattern = ::testing::TempDir() + "pool.XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~SessionPoolTest() override { std::filesystem::remove_all(directory_); }

  // A server takes one connection at a time, so each session has its own.
  std::unique_ptr<Session> Connect() {
    servers_.push_back(std::make_unique<SshServer>(directory_, directory_));
    const auto key = PrivateKey::Load(servers_.back()->client_key_file());
    EXPECT_TRUE(key.ok()) << key.status();
    const Dialer dialer{
        .allowed = &everywhere_, .timeouts = {}, .watchdog = &watchdog_, .tunnels = &tunnels_};
    auto session = longshore::ssh::Connect(
        {.address = "127.0.0.1", .port = servers_.back()->port(), .user = "u"}, *key, dialer,
        [](const std::string& host_key) { return host_key; }, [](int) {});
    EXPECT_TRUE(session.ok()) << session.status();
    EXPECT_TRUE((*session)->Login(*key).ok());
    return *std::move(session);
  }

  std::string directory_;
  const Networks everywhere_;
  Watchdog watchdog_;
  Tunnels tunnels_;
  std::vector<std::unique_ptr<SshServer>> servers_;
};

TEST_F(SessionPoolTest, GivesASessionToTheNextTaskOfItsInstance) {
  SessionPool pool({});
  std::unique_ptr<Session> session = Connect();
  const Session* const first = session.get();
  const Target target = session->target();
  EXPECT_FALSE(target.host_key.empty()) << "the key that the instance has shown";
  pool.Put(7, std::move(session));
  session = pool.Take(7, target);
  EXPECT_EQ(session.get(), first);
  EXPECT_EQ(pool.Take(7, target), nullptr) << "it is taken";
}

TEST_F(SessionPoolTest, GivesNoneToWhoExpectsAnotherInstanceAddressUserOrKey) {
  SessionPool pool({});
  std::unique_ptr<Session> session = Connect();
  const Target target = session->target();
  pool.Put(7, std::move(session));
  EXPECT_EQ(pool.Take(8, target), nullptr);
  for (const auto& change : std::vector<void (*)(Target*)>{
           [](Target* other) { other->address = "localhost"; },
           [](Target* other) { ++other->port; }, [](Target* other) { other->user = "v"; },
           [](Target* other) { other->host_key.clear(); },
           [](Target* other) { other->host_key += "A"; },
           [](Target* other) { other->become = true; },
           [](Target* other) { other->jump.emplace_back(); }}) {
    Target other = target;
    change(&other);
    EXPECT_EQ(pool.Take(7, other), nullptr);
  }
  EXPECT_NE(pool.Take(7, target), nullptr);
}

TEST_F(SessionPoolTest, ForgetsASessionThatTheInstanceHasEnded) {
  SessionPool pool({});
  std::unique_ptr<Session> session = Connect();
  const Target target = session->target();
  shutdown(session->fd(), SHUT_RD);  // As if the other end had closed it.
  pool.Put(7, std::move(session));
  EXPECT_EQ(pool.Take(7, target), nullptr);
}

TEST_F(SessionPoolTest, KeepsNoneWhenItIsNotToOrWhenTheSessionIsOld) {
  for (const SessionPoolLimits& limits :
       {SessionPoolLimits{.idle = milliseconds(0)}, SessionPoolLimits{.age = milliseconds(-1)}}) {
    SessionPool pool(limits);
    std::unique_ptr<Session> session = Connect();
    const Target target = session->target();
    pool.Put(7, std::move(session));
    EXPECT_EQ(pool.Take(7, target), nullptr);
  }
}

TEST_F(SessionPoolTest, ClosesWhatIsIdleForLongEnough) {
  SessionPool pool({.idle = milliseconds(50)});
  pool.Put(7, Connect());
  servers_.clear();  // Returns when the connection has ended.
}

TEST_F(SessionPoolTest, ClosesTheOldestWhenThereAreTooMany) {
  SessionPool pool({.idle = hours(1), .sessions = 2, .sessions_of_instance = 1});
  std::vector<Target> targets;
  for (const int64_t instance_id : {1, 2, 2, 3}) {
    std::unique_ptr<Session> session = Connect();
    targets.push_back(session->target());
    pool.Put(instance_id, std::move(session));
  }
  EXPECT_EQ(pool.Take(1, targets[0]), nullptr) << "one too many in all";
  EXPECT_EQ(pool.Take(2, targets[1]), nullptr) << "one too many of its instance";
  EXPECT_NE(pool.Take(2, targets[2]), nullptr);
  EXPECT_NE(pool.Take(3, targets[3]), nullptr);
}

TEST_F(SessionPoolTest, GetsTheSessionOfACommandThatIsDone) {
  SessionPool pool({});
  for (const bool done : {false, true}) {
    std::unique_ptr<Session> session = Connect();
    const Target target = session->target();
    auto command = std::make_unique<PooledCommand>(&pool, 7, std::move(session));
    if (done) command->Finish();
    command.reset();
    EXPECT_EQ(pool.Take(7, target) != nullptr, done);
  }
}

}  // namespace
}  // namespace longshore::ssh
