// A watching RPC's stream over a real channel, from a source whose looks end when the test says so.
#include "api_server/services/watch_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <future>
#include <thread>

#include "api_server/services/testing/payload_watch_server.h"

namespace longshore::services {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kPayload = 7;
constexpr int64_t kLastOffset = 99;

// What the test and its source have in common.
class Looks {
 public:
  using Result = absl::StatusOr<std::optional<v1::PayloadEvent>>;

  // One look: ends with the next result that the test gives.
  Result Do() {
    MutexLock lock(&mutex_);
    ++begun_;
    changed_.NotifyAll();
    while (results_.empty()) changed_.Wait(&mutex_);
    Result result = std::move(results_.front());
    results_.pop_front();
    return result;
  }
  // What is to be sent without a look.
  void PutAtHand(v1::PayloadEvent event) {
    MutexLock lock(&mutex_);
    at_hand_.push_back(std::move(event));
  }
  std::optional<v1::PayloadEvent> TakeAtHand() {
    MutexLock lock(&mutex_);
    if (at_hand_.empty()) return std::nullopt;
    v1::PayloadEvent event = std::move(at_hand_.front());
    at_hand_.pop_front();
    return event;
  }
  bool HasAtHand() {
    MutexLock lock(&mutex_);
    return !at_hand_.empty();
  }
  void SetSawAll() {
    MutexLock lock(&mutex_);
    saw_all_ = true;
  }
  bool saw_all() {
    MutexLock lock(&mutex_);
    return saw_all_;
  }
  void SourceIsGone() {
    {
      MutexLock lock(&mutex_);
      source_is_gone_ = true;
    }
    changed_.NotifyAll();
  }

  void End(Result result) {
    {
      MutexLock lock(&mutex_);
      results_.push_back(std::move(result));
    }
    changed_.NotifyAll();
  }
  void AwaitBegun(int count) {
    MutexLock lock(&mutex_);
    while (begun_ < count) changed_.Wait(&mutex_);
  }
  void AwaitSourceIsGone() {
    MutexLock lock(&mutex_);
    while (!source_is_gone_) changed_.Wait(&mutex_);
  }
  int begun() {
    MutexLock lock(&mutex_);
    return begun_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::deque<v1::PayloadEvent> at_hand_ ABSL_GUARDED_BY(mutex_);
  std::deque<Result> results_ ABSL_GUARDED_BY(mutex_);
  int begun_ ABSL_GUARDED_BY(mutex_) = 0;
  bool saw_all_ ABSL_GUARDED_BY(mutex_) = false;
  bool source_is_gone_ ABSL_GUARDED_BY(mutex_) = false;
};

class HeldSource : public WatchSource<v1::PayloadEvent> {
 public:
  explicit HeldSource(Looks* looks) : looks_(*looks) {}
  ~HeldSource() override { looks_.SourceIsGone(); }
  absl::Status Open(const domain::Caller& /*caller*/) override { return absl::OkStatus(); }
  absl::StatusOr<std::optional<v1::PayloadEvent>> Next() override { return looks_.Do(); }
  std::optional<v1::PayloadEvent> AtHand() override { return looks_.TakeAtHand(); }
  bool HasMore() const override { return looks_.HasAtHand(); }
  bool SawAll() const override { return looks_.saw_all(); }
  bool IsLast(const v1::PayloadEvent& event) const override {
    return event.output().offset() == kLastOffset;
  }

 private:
  Looks& looks_;
};

// The hub's topic, of which the test wakes the watcher at once, not when the hub comes to it.
class WakingTopic : public WatchTopic {
 public:
  WakingTopic(std::unique_ptr<WatchTopic> topic, std::weak_ptr<Watcher>* watcher)
      : topic_(std::move(topic)), watcher_(*watcher) {}
  void Add(std::shared_ptr<Watcher> watcher) override {
    watcher_ = watcher;
    topic_->Add(std::move(watcher));
  }
  void Remove(const std::shared_ptr<Watcher>& watcher) override { topic_->Remove(watcher); }

 private:
  const std::unique_ptr<WatchTopic> topic_;
  std::weak_ptr<Watcher>& watcher_;
};

v1::PayloadEvent Event(int64_t offset) {
  v1::PayloadEvent event;
  event.mutable_output()->set_offset(offset);
  return event;
}

class WatchStreamTest : public ::testing::Test {
 protected:
  WatchStreamTest()
      : server_([this](const v1::WatchPayloadRequest& /*request*/) {
          return new WatchReactor<v1::PayloadEvent>(
              &hub_, [this] { return admission_; },
              std::make_unique<WakingTopic>(hub_.OfPayload(kPayload), &watcher_),
              std::make_unique<HeldSource>(&looks_));
        }) {}
  ~WatchStreamTest() override {
    server_.context().TryCancel();
    hub_.Shutdown();
    server_.Shutdown();
  }

  void Watch() { server_.Watch(); }
  // The offset of the next event; -1 when the stream has ended.
  int64_t Read() {
    v1::PayloadEvent event;
    return server_.reader().Read(&event) ? event.output().offset() : -1;
  }
  grpc::Status Finish() {
    EXPECT_EQ(Read(), -1);
    return server_.reader().Finish();
  }
  void Wake() {
    if (const auto watcher = watcher_.lock()) watcher->Wake(nullptr);
  }
  // Waits until the look that was under way, and one that it led to, are over. The hub has one
  // thread, which works in order of arrival.
  void AwaitIdle() {
    for (int i = 0; i < 2; ++i) {
      std::promise<void> passed;
      hub_.work().Add([&passed] { passed.set_value(); });
      passed.get_future().wait();
    }
  }

  storage::Database database_{{.url = "not used"}};
  WatchHub hub_{&database_, /*threads=*/1};
  Looks looks_;
  std::weak_ptr<Watcher> watcher_;
  absl::StatusOr<domain::Caller> admission_ = domain::Caller{.scope = storage::Scope::Everything()};
  PayloadWatchServer server_;
};

TEST_F(WatchStreamTest, SendsWhatTheSourceHasUntilTheLastEvent) {
  Watch();
  looks_.End(Event(1));
  EXPECT_EQ(Read(), 1);
  looks_.End(Event(2));
  EXPECT_EQ(Read(), 2);
  looks_.End(Event(kLastOffset));
  EXPECT_EQ(Read(), kLastOffset);
  EXPECT_TRUE(Finish().ok());
  looks_.AwaitSourceIsGone();
  EXPECT_EQ(looks_.begun(), 3);
}

TEST_F(WatchStreamTest, SendsWhatIsAtHandWithoutALook) {
  for (int64_t offset = 2; offset < 5; ++offset) looks_.PutAtHand(Event(offset));
  Watch();
  looks_.End(Event(1));
  for (int64_t offset = 1; offset < 5; ++offset) EXPECT_EQ(Read(), offset);
  looks_.AwaitBegun(2);
  looks_.End(Event(kLastOffset));
  EXPECT_EQ(Read(), kLastOffset);
  EXPECT_EQ(looks_.begun(), 2);
}

TEST_F(WatchStreamTest, LooksAgainOnlyWhenItIsWoken) {
  Watch();
  looks_.End(std::nullopt);
  looks_.AwaitBegun(1);
  AwaitIdle();
  EXPECT_EQ(looks_.begun(), 1);
  looks_.End(Event(kLastOffset));
  Wake();
  EXPECT_EQ(Read(), kLastOffset);
  EXPECT_EQ(looks_.begun(), 2);
}

TEST_F(WatchStreamTest, DoesNotLookForMoreThanItSaw) {
  looks_.SetSawAll();
  Watch();
  looks_.End(Event(1));
  EXPECT_EQ(Read(), 1);
  // Whenever the write is seen to be done, only a wake leads to a look.
  AwaitIdle();
  EXPECT_EQ(looks_.begun(), 1);
  Wake();
  looks_.AwaitBegun(2);
  Wake();  // It looks: this one is for later.
  looks_.End(Event(2));
  EXPECT_EQ(Read(), 2);
  looks_.AwaitBegun(3);
  looks_.End(Event(kLastOffset));
  EXPECT_EQ(Read(), kLastOffset);
  EXPECT_TRUE(Finish().ok());
  EXPECT_EQ(looks_.begun(), 3);
}

TEST_F(WatchStreamTest, WakesDuringALookLeadToOneMore) {
  Watch();
  looks_.AwaitBegun(1);
  for (int i = 0; i < 3; ++i) Wake();
  for (int i = 0; i < 2; ++i) looks_.End(std::nullopt);
  looks_.AwaitBegun(2);
  AwaitIdle();
  EXPECT_EQ(looks_.begun(), 2);
}

TEST_F(WatchStreamTest, ARequestThatIsRefusedIsNotLookedFor) {
  admission_ = domain::InvalidField("payload_id", "0", "is not an id; ids are positive");
  Watch();
  const grpc::Status status = Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("payload_id"));
  EXPECT_EQ(looks_.begun(), 0);
}

TEST_F(WatchStreamTest, AnErrorOfTheSourceEndsTheStream) {
  Watch();
  looks_.End(Event(1));
  EXPECT_EQ(Read(), 1);
  looks_.End(domain::PayloadNotFound(kPayload));
  EXPECT_EQ(Finish().error_code(), grpc::StatusCode::NOT_FOUND);
  looks_.AwaitSourceIsGone();
}

TEST_F(WatchStreamTest, WhatTheDatabaseSaysIsNotToldToTheClient) {
  Watch();
  looks_.End(absl::InternalError("relation \"payloads\" does not exist"));
  const grpc::Status status = Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_EQ(status.error_message().find("relation"), std::string::npos);
}

TEST_F(WatchStreamTest, AClientThatGoesAwayIsForgotten) {
  Watch();
  looks_.End(std::nullopt);
  looks_.AwaitBegun(1);
  server_.context().TryCancel();
  EXPECT_EQ(Finish().error_code(), grpc::StatusCode::CANCELLED);
  looks_.AwaitSourceIsGone();
  Wake();
  EXPECT_EQ(looks_.begun(), 1);
}

TEST_F(WatchStreamTest, AShutdownDuringALookEndsTheStream) {
  Watch();
  looks_.AwaitBegun(1);
  std::thread shutdown([this] { hub_.Shutdown(); });
  const grpc::Status status = Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("watch again"));
  looks_.End(Event(1));  // Too late to be sent.
  shutdown.join();
  looks_.AwaitSourceIsGone();
}

TEST_F(WatchStreamTest, AWatchThatComesAfterShutdownIsEnded) {
  hub_.Shutdown();
  Watch();
  EXPECT_EQ(Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(looks_.begun(), 0);
}

}  // namespace
}  // namespace longshore::services
