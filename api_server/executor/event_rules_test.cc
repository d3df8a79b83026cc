#include "api_server/executor/event_rules.h"

#include <gtest/gtest.h>

#include <functional>

namespace longshore::executor {
namespace {

constexpr int64_t kHead = 1000;

v1::TaskEvent Event(uint64_t sequence) {
  v1::TaskEvent event;
  event.set_sequence(sequence);
  event.set_task_id(3);
  event.set_lease_epoch(1);
  event.mutable_executing();
  return event;
}

bool Taken(const v1::TaskEvent& event) { return CheckEvent(event, kHead).ok(); }

bool ChunkTaken(int64_t offset, size_t size) {
  v1::TaskEvent event = Event(1);
  event.mutable_output()->set_offset(offset);
  event.mutable_output()->set_data(std::string(size, 'x'));
  return Taken(event);
}

bool FinishedTaken(const std::function<void(v1::Finished*)>& change) {
  v1::TaskEvent event = Event(1);
  event.mutable_finished()->set_status(v1::PAYLOAD_STATUS_COMPLETED);
  event.mutable_finished()->set_executed(true);
  event.mutable_finished()->set_exit_code(0);
  change(event.mutable_finished());
  return Taken(event);
}

TEST(CheckSequenceTest, HasNoGaps) {
  v1::TaskEvents events;
  *events.add_events() = Event(7);
  *events.add_events() = Event(8);
  EXPECT_TRUE(CheckSequence(events, 0).ok());  // A new stream begins anywhere.
  EXPECT_TRUE(CheckSequence(events, 6).ok());
  EXPECT_FALSE(CheckSequence(events, 7).ok());
  EXPECT_FALSE(CheckSequence(events, 5).ok());
  *events.add_events() = Event(10);
  EXPECT_FALSE(CheckSequence(events, 6).ok());
  v1::TaskEvents zero;
  *zero.add_events() = Event(0);
  EXPECT_FALSE(CheckSequence(zero, 0).ok());
}

TEST(CheckEventTest, SaysSomething) {
  v1::TaskEvent event = Event(1);
  EXPECT_TRUE(Taken(event));
  event.clear_kind();
  EXPECT_FALSE(Taken(event));
}

TEST(CheckEventTest, AHostKeyIsOneKeyOnOneLine) {
  v1::TaskEvent event = Event(1);
  const auto seen = [&](const std::string& key) {
    event.mutable_host_key_seen()->set_host_key(key);
    return Taken(event);
  };
  const std::string key =
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q";
  EXPECT_TRUE(seen(key));
  EXPECT_FALSE(seen(key + "\nother.example " + key));
  EXPECT_FALSE(seen(key + " comment"));
  EXPECT_FALSE(seen(key + "\n"));
  EXPECT_FALSE(seen("ssh-rsa" + key.substr(11))) << "another type inside";
  EXPECT_FALSE(seen("@cert-authority " + key));
  EXPECT_FALSE(seen(""));
  EXPECT_FALSE(seen(key + std::string(20000, 'A')));
}

TEST(CheckEventTest, ChunksAreSmallAndDoNotCrossTheHead) {
  EXPECT_TRUE(ChunkTaken(0, 1));
  EXPECT_TRUE(ChunkTaken(0, kHead));
  EXPECT_TRUE(ChunkTaken(kHead, kMaxChunkBytes));
  EXPECT_FALSE(ChunkTaken(0, kHead + 1));
  EXPECT_FALSE(ChunkTaken(kHead - 1, 2));
  EXPECT_FALSE(ChunkTaken(kHead, kMaxChunkBytes + 1));
  EXPECT_FALSE(ChunkTaken(0, 0));
  EXPECT_FALSE(ChunkTaken(-1, 1));
  EXPECT_FALSE(ChunkTaken(INT64_MAX, 1));
}

TEST(CheckEventTest, AResultHasOneMeaning) {
  EXPECT_TRUE(FinishedTaken([](v1::Finished*) {}));
  EXPECT_FALSE(FinishedTaken([](auto* f) { f->set_status(v1::PAYLOAD_STATUS_EXECUTING); }));
  EXPECT_FALSE(FinishedTaken([](auto* f) { f->set_exit_code(1); })) << "completed means exit 0";
  EXPECT_FALSE(FinishedTaken([](auto* f) { f->set_status(v1::PAYLOAD_STATUS_FAILED); }))
      << "failed means a reason";
  EXPECT_FALSE(FinishedTaken([](auto* f) { f->set_executed(false); }));
  EXPECT_FALSE(FinishedTaken([](auto* f) { f->set_output_bytes(-1); }));
}

TEST(CheckHelloTest, HasANameAndALimit) {
  v1::WorkerHello hello;
  hello.set_name("w");
  hello.set_incarnation("1");
  hello.set_capacity(5);
  EXPECT_TRUE(CheckHello(hello).ok());
  hello.set_capacity(-1);
  EXPECT_FALSE(CheckHello(hello).ok());
  hello.set_capacity(5);
  hello.set_name(std::string(256, 'x'));
  EXPECT_FALSE(CheckHello(hello).ok());
  hello.set_name("");
  EXPECT_FALSE(CheckHello(hello).ok());
}

TEST(CheckHeartbeatTest, PairsTasksAndEpochs) {
  v1::Heartbeat heartbeat;
  heartbeat.add_task_ids(1);
  EXPECT_FALSE(CheckHeartbeat(heartbeat).ok());
  heartbeat.add_lease_epochs(1);
  EXPECT_TRUE(CheckHeartbeat(heartbeat).ok());
}

TEST(CheckHeartbeatTest, AGroupIsMadeOfTasksAlone) {
  v1::Heartbeat heartbeat;
  heartbeat.set_make_group(true);
  EXPECT_FALSE(CheckHeartbeat(heartbeat).ok());
  heartbeat.add_task_ids(1);
  heartbeat.add_lease_epochs(1);
  EXPECT_TRUE(CheckHeartbeat(heartbeat).ok());
  heartbeat.add_groups();
  EXPECT_FALSE(CheckHeartbeat(heartbeat).ok());
  heartbeat.set_make_group(false);
  EXPECT_TRUE(CheckHeartbeat(heartbeat).ok());
}

}  // namespace
}  // namespace longshore::executor
