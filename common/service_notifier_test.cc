// What systemd hears, on a real socket in its place.
#include "common/service_notifier.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/turn_timer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace longshore {
namespace {

using std::chrono::seconds;

class ServiceNotifierTest : public ::testing::Test {
 protected:
  ServiceNotifierTest() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    // A name of the kernel's choice, in no file system.
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    const size_t name = length - offsetof(sockaddr_un, sun_path) - 1;
    setenv("NOTIFY_SOCKET", ("@" + std::string(address.sun_path + 1, name)).c_str(), 1);
  }
  ~ServiceNotifierTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
    close(socket_);
  }

  static void Watchdog(const char* usec, pid_t pid = getpid()) {
    setenv("WATCHDOG_USEC", usec, 1);
    setenv("WATCHDOG_PID", std::to_string(pid).c_str(), 1);
  }
  std::string Hear(int flags = 0) const {
    char words[1024];
    const ssize_t length = recv(socket_, words, sizeof(words), flags);
    return length < 0 ? "" : std::string(words, length);
  }
  std::string HearNow() const { return Hear(MSG_DONTWAIT); }

  const int socket_;
};

TEST_F(ServiceNotifierTest, SystemdHearsOfTheBeginningAndTheEnd) {
  ServiceNotifier notifier([] { return ServiceState{.status = "serving\nFDSTORE=1"}; });
  EXPECT_EQ(HearNow(), "") << "it is not ready yet";
  notifier.Ready();
  EXPECT_EQ(Hear(), "READY=1\nSTATUS=serving FDSTORE=1");
  notifier.Stopping("draining");
  EXPECT_EQ(Hear(), "STOPPING=1\nSTATUS=draining");
}

TEST_F(ServiceNotifierTest, WithoutAWatchdogThereIsNoPing) {
  std::atomic<int> looks = 0;
  {
    ServiceNotifier notifier([&] { return ServiceState{.status = std::to_string(++looks)}; });
    notifier.Ready();
  }
  EXPECT_EQ(Hear(), "READY=1\nSTATUS=1");
  EXPECT_EQ(HearNow(), "");
  EXPECT_EQ(looks, 1);
}

TEST_F(ServiceNotifierTest, AWatchdogOfAnotherProcessIsNotPinged) {
  Watchdog("1000", getpid() + 1);
  std::atomic<int> looks = 0;
  {
    ServiceNotifier notifier([&] { return ServiceState{.status = std::to_string(++looks)}; });
    notifier.Ready();
  }
  EXPECT_EQ(looks, 1);
}

TEST_F(ServiceNotifierTest, PingsComeWithTheStatusUntilTheEnd) {
  Watchdog("2000");
  std::atomic<int> looks = 0;
  {
    ServiceNotifier notifier([&] { return ServiceState{.status = std::to_string(++looks)}; });
    notifier.Ready();
    EXPECT_EQ(Hear(), "READY=1\nSTATUS=1");
    EXPECT_EQ(Hear(), "WATCHDOG=1\nSTATUS=2");
    EXPECT_EQ(Hear(), "WATCHDOG=1\nSTATUS=3");
    notifier.Stopping("draining");
    std::string words = Hear();
    while (words != "STOPPING=1\nSTATUS=draining") {
      EXPECT_THAT(words, ::testing::StartsWith("WATCHDOG=1\nSTATUS="));
      words = Hear();
    }
    // One that was on its way may still have a status.
    while (words != "WATCHDOG=1") words = Hear();
  }
}

TEST_F(ServiceNotifierTest, ThereIsNoPingWhileTheProgramIsNotAlive) {
  Watchdog("2000");
  std::atomic<int> looks = 0;
  ServiceNotifier notifier([&] {
    const int look = ++looks;
    return ServiceState{.alive = look > 5, .status = std::to_string(look)};
  });
  notifier.Ready();
  EXPECT_EQ(Hear(), "READY=1\nSTATUS=1");
  EXPECT_EQ(Hear(), "WATCHDOG=1\nSTATUS=6");
}

TEST_F(ServiceNotifierTest, NobodyAsksWhereThereIsNoSystemd) {
  unsetenv("NOTIFY_SOCKET");
  Watchdog("1000");
  std::atomic<int> looks = 0;
  {
    ServiceNotifier notifier([&] { return ServiceState{.status = std::to_string(++looks)}; });
    notifier.Ready();
    notifier.Stopping("draining");
  }
  EXPECT_EQ(HearNow(), "");
  EXPECT_EQ(looks, 0);
}

TEST(TurnTimerTest, OnlyATurnTakesTime) {
  TurnTimer timer;
  const auto now = std::chrono::steady_clock::now();
  EXPECT_EQ(timer.Taken(now), seconds(0));
  timer.Begin(now);
  EXPECT_EQ(timer.Taken(now), seconds(0));
  EXPECT_EQ(timer.Taken(now + seconds(7)), seconds(7));
  timer.Begin(now + seconds(5));
  EXPECT_EQ(timer.Taken(now + seconds(7)), seconds(2));
  timer.End();
  EXPECT_EQ(timer.Taken(now + seconds(9)), seconds(0));
}

}  // namespace
}  // namespace longshore
