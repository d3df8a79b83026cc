// What the follower makes of what instances say and of what it is told, with instances that the
// test plays.
#include "payload_worker/run/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "common/mutex.h"
#include "payload_worker/ssh/testing/fake_command.h"

namespace longshore::run {
namespace {

using ssh::FakeInstance;
using ::testing::HasSubstr;
using Stream = ssh::RemoteCommand::Stream;

constexpr LeaseKey kKey{.task_id = 7, .lease_epoch = 2};
constexpr LeaseKey kOther{.task_id = 8, .lease_epoch = 1};
constexpr char kCompleted[] = "end 5 exit 0 10.00 12.50 none";

class FollowerTest : public ::testing::Test {
 protected:
  // Output before `offset` is stored already.
  std::unique_ptr<RemoteRun> NewRun(const LeaseKey& key, int64_t offset = 0) {
    auto run = std::make_unique<RemoteRun>(RemoteRun{.command = instances_[key].NewCommand(),
                                                     .records = RecordReader("nonce"),
                                                     .output = OutputReader("nonce"),
                                                     .next_offset = offset});
    run->assignment.set_task_id(key.task_id);
    run->assignment.set_lease_epoch(key.lease_epoch);
    run->assignment.set_payload_id(70);
    run->assignment.set_attempt(3);
    run->assignment.set_max_output_bytes(4 << 20);
    return run;
  }
  FakeInstance& Follow(const LeaseKey& key = kKey, int64_t offset = 0) {
    follower_.Add(NewRun(key, offset));
    instances_[key].Say(Stream::kOutput, "nonce\n");
    return instances_[key];
  }
  static void SayRecord(FakeInstance& instance, const std::string& record) {
    instance.Say(Stream::kError, "nonce " + record + "\n");
  }
  // A run that has printed "abcde" and whose end is told.
  FakeInstance& FollowToTheEnd() {
    FakeInstance& instance = Follow();
    instance.Say(Stream::kOutput, "abcde");
    EXPECT_TRUE(Next().has_output());
    SayRecord(instance, kCompleted);
    EXPECT_EQ(Next().finished().status(), v1::PAYLOAD_STATUS_COMPLETED);
    return instance;
  }

  // Waits for the next event; what comes is acknowledged at once.
  v1::TaskEvent Next() {
    while (events_.empty()) {
      TakeMore();
      outbox_.Acknowledge(events_.back().sequence());
    }
    v1::TaskEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  // Waits for events.
  void TakeMore() {
    v1::TaskEvents taken;
    WaitUntil([&] { return outbox_.Take(&taken); });
    events_.insert(events_.end(), taken.events().begin(), taken.events().end());
  }
  // Waits for what comes to be with the outbox.
  void WaitUntil(const std::function<bool()>& is_so) {
    while (true) {
      const int seen = ready();
      if (is_so()) return;
      AwaitReadyAfter(seen);
    }
  }
  // The follower has dealt with whatever came before: other runs have gone all their way. Two, as
  // it may have been looking at its sockets when the first came.
  void Settle() {
    for (int i = 0; i < 2; ++i) {
      const LeaseKey key{.task_id = next_settling_++, .lease_epoch = 1};
      SayRecord(Follow(key), "lost 0 -");
      EXPECT_EQ(Next().task_id(), key.task_id) << "something else is told";
      follower_.Drop(key);
      AwaitDone(key);
    }
  }
  void AwaitDone(const LeaseKey& key) {
    MutexLock lock(&mutex_);
    while (done_.count(key) == 0) changed_.Wait(&mutex_);
  }

  // What is left of the follower's run is told as one that may be tried again.
  void ExpectUnreachable(const std::string& error) {
    const v1::TaskEvent event = Next();
    EXPECT_EQ(event.retry().failure_reason(), v1::FAILURE_REASON_UNREACHABLE);
    EXPECT_THAT(event.retry().error(), HasSubstr(error));
    EXPECT_FALSE(event.retry().maybe_started()) << "it is known to run";
    AwaitDone(kKey);
    instances_[kKey].AwaitLetGo();
  }

  // Called in the follower's thread, when it has let a run go. Set before any run is added.
  std::function<void(const LeaseKey& key)> when_done_ = [](const LeaseKey&) {};
  std::map<LeaseKey, FakeInstance> instances_;
  std::deque<v1::TaskEvent> events_;
  int64_t next_settling_ = 1000;
  Outbox outbox_{[this] { OnReady(); }, /*max_bytes=*/1 << 20, [this] { follower_.Wake(); }};

 private:
  void OnReady() {
    MutexLock lock(&mutex_);
    ++ready_;
    changed_.NotifyAll();
  }
  int ready() {
    MutexLock lock(&mutex_);
    return ready_;
  }
  void AwaitReadyAfter(int seen) {
    MutexLock lock(&mutex_);
    while (ready_ == seen) changed_.Wait(&mutex_);
  }
  void OnDone(const LeaseKey& key) {
    when_done_(key);
    MutexLock lock(&mutex_);
    done_.insert(key);
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  int ready_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<LeaseKey> done_ ABSL_GUARDED_BY(mutex_);

 protected:
  Follower follower_{&outbox_, [this](const LeaseKey& key) { OnDone(key); }};
};

TEST_F(FollowerTest, OutputIsHandedOnWithItsOffsets) {
  FakeInstance& instance = Follow(kKey, /*offset=*/100);
  instance.Say(Stream::kOutput, "hello");
  v1::TaskEvent event = Next();
  EXPECT_EQ(event.task_id(), kKey.task_id);
  EXPECT_EQ(event.lease_epoch(), kKey.lease_epoch);
  EXPECT_EQ(event.output().offset(), 100);
  EXPECT_EQ(event.output().data(), "hello");
  instance.Say(Stream::kOutput, " world");
  event = Next();
  EXPECT_EQ(event.output().offset(), 105);
  EXPECT_EQ(event.output().data(), " world");
}

TEST_F(FollowerTest, WhatALoginShellPrintsFirstIsNoOutput) {
  instances_[kKey].Say(Stream::kOutput, "Welcome!\n");
  FakeInstance& instance = Follow();
  instance.Say(Stream::kError, "motd\n");
  instance.Say(Stream::kOutput, "x");
  const v1::TaskEvent event = Next();
  EXPECT_EQ(event.output().offset(), 0);
  EXPECT_EQ(event.output().data(), "x");
}

// Before the run is added its connector has read the socket.
TEST_F(FollowerTest, WhatTheSocketDoesNotShowAnyMoreIsRead) {
  auto run = NewRun(kKey);
  instances_[kKey].Say(Stream::kOutput, "nonce\nearly");
  instances_[kKey].EmptySocket();
  follower_.Add(std::move(run));
  EXPECT_EQ(Next().output().data(), "early");
}

TEST_F(FollowerTest, MoreThanOneShareIsReadWithoutAnotherWord) {
  FakeInstance& instance = Follow();
  const std::string printed(700000, 'x');
  instance.Say(Stream::kOutput, printed);
  size_t read = 0;
  while (read < printed.size()) {
    const v1::TaskEvent event = Next();
    EXPECT_EQ(event.output().offset(), read);
    read += event.output().data().size();
  }
  EXPECT_EQ(read, printed.size());
}

TEST_F(FollowerTest, TheEndIsToldOnceAfterTheOutput) {
  FakeInstance& instance = Follow();
  SayRecord(instance, "alive");
  instance.Say(Stream::kOutput, "abcde");
  EXPECT_EQ(Next().output().data(), "abcde");
  SayRecord(instance, kCompleted);
  const v1::TaskEvent event = Next();
  EXPECT_EQ(event.finished().status(), v1::PAYLOAD_STATUS_COMPLETED);
  EXPECT_EQ(event.finished().exit_code(), 0);
  EXPECT_EQ(event.finished().output_bytes(), 5);
  EXPECT_EQ(event.finished().execution_time().seconds(), 2);
  EXPECT_TRUE(event.finished().run_directory());
  SayRecord(instance, "end 9 exit 1 10.00 12.50 none");
  instance.Say(Stream::kOutput, "more");
  Settle();
}

TEST_F(FollowerTest, AnEndThatComesBeforeTheOutputWaitsForIt) {
  FakeInstance& instance = Follow();
  SayRecord(instance, kCompleted);
  EXPECT_TRUE(Next().executing().ended());
  SayRecord(instance, "alive");
  Settle();
  instance.Say(Stream::kOutput, "abcde");
  EXPECT_EQ(Next().output().data(), "abcde");
  EXPECT_EQ(Next().finished().output_bytes(), 5);
}

TEST_F(FollowerTest, OutputThatWasCutShortIsSaidToBeMissing) {
  FakeInstance& instance = Follow();
  SayRecord(instance, "truncated");
  instance.Say(Stream::kOutput, "abcde");
  EXPECT_EQ(Next().output().data(), "abcde");
  SayRecord(instance, kCompleted);
  EXPECT_TRUE(Next().finished().output_missing());
}

TEST_F(FollowerTest, ARunThatLeftNoResultIsInterrupted) {
  FakeInstance& instance = Follow();
  SayRecord(instance, "lost 0 rebooted");
  EXPECT_EQ(Next().finished().failure_reason(), v1::FAILURE_REASON_INTERRUPTED);
}

TEST_F(FollowerTest, ACancelIsPassedOnToTheInstance) {
  FakeInstance& instance = Follow();
  follower_.Cancel(kKey);
  EXPECT_TRUE(instance.Hears("cancel\n"));
  SayRecord(instance, "end 0 signal 15 10.00 12.50 cancel");
  EXPECT_EQ(Next().finished().status(), v1::PAYLOAD_STATUS_CANCELLED);
}

TEST_F(FollowerTest, WhatHasEndedIsNotCancelledAnyMore) {
  FakeInstance& instance = FollowToTheEnd();
  follower_.Cancel(kKey);
  follower_.Clean(kKey);
  EXPECT_TRUE(instance.Hears("clean\n")) << "and nothing before";
}

TEST_F(FollowerTest, ACleanedRunIsToldAndLetGo) {
  FakeInstance& instance = FollowToTheEnd();
  follower_.Clean(kKey);
  EXPECT_TRUE(instance.Hears("clean\n"));
  SayRecord(instance, "cleaned");
  const v1::TaskEvent event = Next();
  EXPECT_EQ(event.cleaned().payload_id(), 70);
  EXPECT_EQ(event.cleaned().attempt(), 3);
  AwaitDone(kKey);
  instance.AwaitLetGo();
}

TEST_F(FollowerTest, ARunIsNotCleanedBeforeItHasEnded) {
  FakeInstance& instance = Follow();
  SayRecord(instance, "cleaned");
  Settle();
  instance.Say(Stream::kOutput, "abcde");
  EXPECT_TRUE(Next().has_output()) << "it is still followed";
}

TEST_F(FollowerTest, ARunThatCannotBeAskedToCleanIsLetGo) {
  FakeInstance& instance = FollowToTheEnd();
  instance.BreakWrites();
  follower_.Clean(kKey);
  AwaitDone(kKey);
  Settle();  // The server has it cleaned again: nothing is to be told.
}

TEST_F(FollowerTest, ADroppedRunIsLetGoWithoutAWord) {
  FakeInstance& instance = Follow();
  follower_.Drop(kKey);
  AwaitDone(kKey);
  instance.AwaitLetGo();
  EXPECT_EQ(instance.heard(), "");
  follower_.Cancel(kKey);
  follower_.Clean(kKey);
  follower_.Drop(kKey);
  Settle();
}

TEST_F(FollowerTest, AReleaseIsTheLastWordOnEachRunThatHasNotEnded) {
  FakeInstance& ended = FollowToTheEnd();
  FakeInstance& instance = Follow(kOther);
  follower_.ReleaseAll();
  const v1::TaskEvent event = Next();
  EXPECT_TRUE(event.has_released());
  EXPECT_EQ(event.task_id(), kOther.task_id);
  for (FakeInstance* each : {&ended, &instance}) {
    each->Say(Stream::kOutput, "more");
    SayRecord(*each, kCompleted);
  }
  follower_.ReleaseAll();
  Settle();
}

TEST_F(FollowerTest, ALinkThatBreaksIsTold) {
  FakeInstance& instance = Follow();
  instance.Say(Stream::kOutput, "abc");
  EXPECT_EQ(Next().output().data(), "abc");
  instance.Break();
  ExpectUnreachable("the connection broke");
}

TEST_F(FollowerTest, ARunnerThatEndsBeforeTheRunIsABrokenLink) {
  Follow().End();
  ExpectUnreachable("the remote runner ended before the run");
}

TEST_F(FollowerTest, ACancelThatDoesNotGetThroughIsABrokenLink) {
  Follow().BreakWrites();
  follower_.Cancel(kKey);
  ExpectUnreachable("the connection broke");
}

TEST_F(FollowerTest, AFloodOfWhatIsNoOutputIsABrokenLink) {
  Follow().SendOverhead(17 << 20);
  ExpectUnreachable("floods");
}

TEST_F(FollowerTest, ALinkThatBreaksAfterTheEndIsNothingToTell) {
  FollowToTheEnd().Break();
  AwaitDone(kKey);
  Settle();
}

TEST_F(FollowerTest, WhatCannotBeEndsTheRun) {
  SayRecord(Follow(), "end is near");
  const v1::TaskEvent event = Next();
  EXPECT_EQ(event.finished().status(), v1::PAYLOAD_STATUS_FAILED);
  EXPECT_EQ(event.finished().failure_reason(), v1::FAILURE_REASON_INTERNAL);
  EXPECT_THAT(event.finished().error(), HasSubstr("a record 'end is near'"));
  EXPECT_TRUE(event.finished().run_directory());
  AwaitDone(kKey);
}

TEST_F(FollowerTest, ARunWaitsWhileTheOutboxIsFullAndOthersAreServed) {
  constexpr size_t kPrinted = 2 << 20;
  FakeInstance& flooding = Follow();
  flooding.Say(Stream::kOutput, std::string(kPrinted, 'x'));
  WaitUntil([this] { return outbox_.IsFull(kKey); });
  SayRecord(Follow(kOther), "lost 0 -");
  while (events_.empty() || events_.back().task_id() != kOther.task_id) TakeMore();
  EXPECT_TRUE(outbox_.IsFull(kKey));
  EXPECT_GT(flooding.unread_output(), 0u);
  outbox_.Acknowledge(events_.back().sequence());
  for (size_t read = 0; read < kPrinted;) {
    const v1::TaskEvent event = Next();
    if (!event.has_output()) continue;
    EXPECT_EQ(event.output().offset(), read);
    read += event.output().data().size();
  }
}

// A command is posted after the follower has begun with the one before it. Nothing is followed by
// then, so that nothing but the command itself wakes the follower.
TEST_F(FollowerTest, ACommandThatIsPostedDuringAnotherIsServed) {
  when_done_ = [this](const LeaseKey& key) {
    if (key == kKey) follower_.Add(NewRun(kOther));
  };
  instances_[kOther].Say(Stream::kOutput, "nonce\nx");
  Follow();
  follower_.Drop(kKey);
  EXPECT_EQ(Next().output().data(), "x");
}

TEST_F(FollowerTest, CommandsAreServedInTheirOrderAlthoughNothingElseHappens) {
  for (int i = 0; i < 100; ++i) {
    const LeaseKey key{.task_id = 100 + i, .lease_epoch = 1};
    follower_.Add(NewRun(key));
    follower_.Cancel(key);
    EXPECT_TRUE(instances_[key].Hears("cancel\n"));
    follower_.Drop(key);
    AwaitDone(key);
  }
}

TEST_F(FollowerTest, RunsThatAreFollowedToTheLastAreLetGo) {
  auto follower = std::make_unique<Follower>(&outbox_, [](const LeaseKey&) {});
  follower->Add(NewRun(kKey));
  follower->Cancel(kKey);
  EXPECT_TRUE(instances_[kKey].Hears("cancel\n"));
  follower.reset();
  instances_[kKey].AwaitLetGo();
}

}  // namespace
}  // namespace longshore::run
