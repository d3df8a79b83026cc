#include "api_server/executor/signal_bus.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "common/testing/postgres.h"

namespace longshore::executor {
namespace {

SignalSet RoundTrip(const SignalSet& signals) {
  SignalSet decoded;
  EXPECT_TRUE(DecodeSignals(EncodeSignals("1", signals), "2", &decoded));
  return decoded;
}

TEST(SignalTextTest, ComesBackAsItWent) {
  const SignalSet decoded = RoundTrip(
      {.tasks_due = true, .payloads = {1, 9223372036854775807}, .cancels = {4}, .recalls = {5, 6}});
  EXPECT_TRUE(decoded.tasks_due);
  EXPECT_FALSE(decoded.all_payloads);
  EXPECT_EQ(decoded.payloads, (std::set<int64_t>{1, 9223372036854775807}));
  EXPECT_EQ(decoded.cancels, std::set<int64_t>{4});
  EXPECT_EQ(decoded.recalls, (std::set<int64_t>{5, 6}));
  EXPECT_TRUE(RoundTrip({.all_payloads = true}).all_payloads);
  EXPECT_TRUE(RoundTrip({.payload_tasks_due = true}).tasks_due) << "as every version tells it";
}

TEST(SignalTextTest, TellsWhoHasBegunToListen) {
  EXPECT_TRUE(RoundTrip({.hello = true}).hello);
  EXPECT_FALSE(RoundTrip({.tasks_due = true}).hello);
}

TEST(SignalTextTest, IgnoresItsOwn) {
  SignalSet decoded;
  EXPECT_FALSE(DecodeSignals(EncodeSignals("7", {.tasks_due = true}), "7", &decoded));
  EXPECT_TRUE(decoded.empty());
}

TEST(SignalTextTest, FitsANotificationHoweverManyChanged) {
  SignalSet many;
  for (int64_t id = 1; id <= 5000; ++id) {
    many.payloads.insert(1000000 + id);
    many.cancels.insert(2000000 + id);
  }
  EXPECT_LT(EncodeSignals("1", many).size(), 8000u);
  EXPECT_TRUE(RoundTrip(many).all_payloads) << "nobody may be left unwoken";
}

TEST(SignalTextTest, TakesGarbageForNothing) {
  for (const char* text :
       {"", " ", "x", "1 ", "1 q", "1 p", "1 pabc", "1 c,,", "1 p99999999999999999999"}) {
    SignalSet decoded;
    DecodeSignals(text, "2", &decoded);
    EXPECT_TRUE(decoded.empty()) << text;
  }
}

// Collects what a bus hands out.
class Listener {
 public:
  void Take(const SignalSet& signals) {
    {
      MutexLock lock(&mutex_);
      cancels_.insert(signals.cancels.begin(), signals.cancels.end());
      resynchronised_ += signals.all_payloads ? 1 : 0;
    }
    changed_.NotifyAll();
  }
  void WaitForCancel(int64_t id) {
    MutexLock lock(&mutex_);
    while (cancels_.count(id) == 0) changed_.Wait(&mutex_);
  }
  void WaitForResynchronisation(int count) {
    MutexLock lock(&mutex_);
    while (resynchronised_ < count) changed_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::set<int64_t> cancels_ ABSL_GUARDED_BY(mutex_);
  int resynchronised_ ABSL_GUARDED_BY(mutex_) = 0;
};

class SignalBusTest : public ::testing::Test {
 protected:
  std::unique_ptr<SignalBus> StartBus(Listener* listener) {
    return std::make_unique<SignalBus>(
        &database_, [listener](const SignalSet& signals) { listener->Take(signals); });
  }
  std::unique_ptr<storage::Connection> Connect() {
    auto connection = storage::Connection::Open(database_.url());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return *std::move(connection);
  }
  static void Run(storage::Connection& connection, const char* script) {
    const absl::Status status = connection.ExecuteScript(script);
    EXPECT_TRUE(status.ok()) << status;
  }
  // Listens unseen: what it has last asked for is another thing.
  std::unique_ptr<storage::Connection> Overhear() {
    auto connection = Connect();
    Run(*connection, "LISTEN longshore");
    Run(*connection, "SELECT 1");
    return connection;
  }
  void CutOffListeners() {
    Run(*Connect(),
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()");
  }
  // Returns what is heard until somebody says `last`.
  static std::string HearUntil(storage::Connection& listening, const std::string& last) {
    const int never = eventfd(0, EFD_CLOEXEC);
    std::string heard;
    while (heard.find(last) == std::string::npos) {
      const auto notifications = listening.WaitForNotifications(never);
      EXPECT_TRUE(notifications.ok()) << notifications.status();
      if (!notifications.ok()) break;
      for (const auto& each : *notifications) heard += each.payload + "\n";
    }
    close(never);
    return heard;
  }
  // It looks who listens when it has something to tell but its hello.
  static void MakeAlone(SignalBus& bus) {
    while (!bus.IsAlone()) {
      bus.TasksDue();
      std::this_thread::yield();
    }
  }

  testing::Postgres postgres_;
  storage::Database database_{{.url = postgres_.CreateDatabase("signals")}};
  Listener near_;
  Listener far_;
};

TEST_F(SignalBusTest, ReachesOtherReplicasAndComesBackAfterALostConnection) {
  const auto first = StartBus(&near_);
  const auto second = StartBus(&far_);
  near_.WaitForResynchronisation(1);
  far_.WaitForResynchronisation(1);
  first->CancelRequested({5});
  near_.WaitForCancel(5);
  far_.WaitForCancel(5);
  CutOffListeners();
  // Whatever was said meanwhile may be missed: everything is looked at again.
  far_.WaitForResynchronisation(2);
  first->CancelRequested({6});
  far_.WaitForCancel(6);
}

TEST_F(SignalBusTest, TellsNobodyWhereNobodyListens) {
  const auto overhearing = Overhear();
  const auto bus = StartBus(&near_);
  MakeAlone(*bus);
  bus->CancelRequested({5});
  near_.WaitForCancel(5);
  bus->Shutdown();
  Run(*Connect(), "NOTIFY longshore, 'the end'");
  const std::string heard = HearUntil(*overhearing, "the end");
  EXPECT_NE(heard.find(" h"), std::string::npos) << heard;
  EXPECT_EQ(heard.find("c5"), std::string::npos) << heard;
}

TEST_F(SignalBusTest, WhoeverComesToOneThatWasAloneLooksAtEverythingOnceMore) {
  const auto first = StartBus(&near_);
  MakeAlone(*first);
  const auto second = StartBus(&far_);
  far_.WaitForResynchronisation(2);
  first->CancelRequested({6});
  far_.WaitForCancel(6);
}

TEST_F(SignalBusTest, OneThatWasAloneAndWasCutOffSaysThatEverythingMayHaveChanged) {
  const auto overhearing = Overhear();
  const auto bus = StartBus(&near_);
  MakeAlone(*bus);
  CutOffListeners();
  EXPECT_NE(HearUntil(*overhearing, "p*").find("p*"), std::string::npos);
}

TEST_F(SignalBusTest, OneThatNeverSaidThatItListensIsTold) {
  const auto older = Connect();
  Run(*older, "LISTEN longshore");
  const auto bus = StartBus(&near_);
  HearUntil(*older, " h");  // What goes with a hello is sent anyhow.
  bus->CancelRequested({5});
  EXPECT_NE(HearUntil(*older, "c5").find("c5"), std::string::npos);
}

}  // namespace
}  // namespace longshore::executor
