#include "api_server/executor/signal_bus.h"

#include <gtest/gtest.h>

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

TEST(SignalBusTest, ReachesOtherReplicasAndComesBackAfterALostConnection) {
  testing::Postgres postgres;
  storage::Database database({.url = postgres.CreateDatabase("signals")});
  Listener near;
  Listener far;
  SignalBus first(&database, [&](const SignalSet& signals) { near.Take(signals); });
  SignalBus second(&database, [&](const SignalSet& signals) { far.Take(signals); });
  near.WaitForResynchronisation(1);
  far.WaitForResynchronisation(1);
  first.CancelRequested({5});
  near.WaitForCancel(5);
  far.WaitForCancel(5);
  ASSERT_TRUE(database
                  .Run([](storage::Connection& connection) {
                    return connection.ExecuteScript(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()");
                  })
                  .ok());
  // Whatever was said meanwhile may be missed: everything is looked at again.
  far.WaitForResynchronisation(2);
  first.CancelRequested({6});
  far.WaitForCancel(6);
}

}  // namespace
}  // namespace longshore::executor
