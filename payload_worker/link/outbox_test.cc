#include "payload_worker/link/outbox.h"

#include <gtest/gtest.h>

namespace longshore {
namespace {

constexpr LeaseKey kKey{.task_id = 7, .lease_epoch = 2};

v1::TaskEvent Last() {
  v1::TaskEvent event;
  event.mutable_finished()->set_status(v1::PAYLOAD_STATUS_COMPLETED);
  return event;
}

class OutboxTest : public ::testing::Test {
 protected:
  v1::TaskEvents Take() {
    v1::TaskEvents events;
    outbox_.Take(&events);
    return events;
  }
  // Takes and acknowledges until there is nothing left; what arrived, by offset.
  std::map<int64_t, std::string> Drain(bool* last) {
    std::map<int64_t, std::string> output;
    for (v1::TaskEvents events = Take(); events.events_size() > 0; events = Take()) {
      for (const auto& event : events.events()) {
        EXPECT_EQ(event.sequence(), ++sequence_);
        EXPECT_LE(event.output().data().size(), 65536u);
        if (event.has_output()) output[event.output().offset()] = event.output().data();
        if (event.has_finished()) *last = true;
      }
      outbox_.Acknowledge(sequence_);
    }
    return output;
  }

  int ready_ = 0;
  uint64_t sequence_ = 0;
  Outbox outbox_{[this] { ++ready_; }};
};

TEST_F(OutboxTest, SendsAgainWhatIsNotAcknowledged) {
  outbox_.AddOutput(kKey, OutputLimit(2000), 0, "abc");
  outbox_.AddLast(kKey, Last());
  EXPECT_EQ(Take().events_size(), 2);
  EXPECT_EQ(Take().events_size(), 0);
  outbox_.Acknowledge(1);
  outbox_.Rewind();
  const v1::TaskEvents again = Take();
  ASSERT_EQ(again.events_size(), 1);
  EXPECT_EQ(again.events(0).sequence(), 2u);
  EXPECT_TRUE(again.events(0).has_finished());
  EXPECT_FALSE(outbox_.Empty());
  EXPECT_EQ(outbox_.Acknowledge(2).size(), 1u);
  EXPECT_TRUE(outbox_.Empty());
}

TEST_F(OutboxTest, SmallOutputWaitsForCompanyWhileSomethingIsInFlight) {
  outbox_.AddOutput(kKey, OutputLimit(2000), 0, "a");
  outbox_.AddOutput(kKey, OutputLimit(2000), 1, "b");
  outbox_.AddOutput(kKey, OutputLimit(2000), 2, "c");
  EXPECT_EQ(Take().events_size(), 1);
  outbox_.Acknowledge(1);
  const v1::TaskEvents rest = Take();
  ASSERT_EQ(rest.events_size(), 1);
  EXPECT_EQ(rest.events(0).output().data(), "bc");
}

TEST_F(OutboxTest, NoChunkCrossesTheHeadAndOnlyTheMiddleIsDropped) {
  const OutputLimit limit(200000);
  std::string whole;
  for (int i = 0; whole.size() < 5000000; ++i) whole += std::to_string(i) + "\n";
  for (size_t at = 0; at < whole.size(); at += 3000) {
    outbox_.AddOutput(kKey, limit, static_cast<int64_t>(at),
                      std::string_view(whole).substr(at, 3000));
  }
  outbox_.AddLast(kKey, Last());
  bool last = false;
  std::string head;
  int64_t tail_begin = -1;
  std::string tail;
  for (const auto& [offset, data] : Drain(&last)) {
    const int64_t end = offset + static_cast<int64_t>(data.size());
    EXPECT_TRUE(end <= limit.head || offset >= limit.head);
    EXPECT_EQ(data, whole.substr(offset, data.size()));
    if (offset < limit.head) head += data;
    if (end > static_cast<int64_t>(whole.size()) - limit.tail) {
      if (tail_begin < 0) tail_begin = offset;
      tail += data;
    }
  }
  EXPECT_TRUE(last);
  EXPECT_EQ(head, whole.substr(0, limit.head));
  EXPECT_LE(tail_begin, static_cast<int64_t>(whole.size()) - limit.tail);
  EXPECT_EQ(tail_begin + static_cast<int64_t>(tail.size()), static_cast<int64_t>(whole.size()));
}

TEST_F(OutboxTest, ADroppedLeaseSendsNothingMore) {
  outbox_.AddOutput(kKey, OutputLimit(2000), 0, "a");
  outbox_.AddOutput(kKey, OutputLimit(2000), 1, "b");
  outbox_.Drop(kKey);
  bool last = false;
  EXPECT_EQ(Drain(&last).size(), 1u);
  EXPECT_TRUE(outbox_.Empty());
}

TEST_F(OutboxTest, IsFullAtTheLimitUntilThereIsRoomAgain) {
  int rooms = 0;
  Outbox outbox([] {}, 100000, [&] { ++rooms; });
  const auto acknowledge_all = [&] {
    v1::TaskEvents events;
    outbox.Take(&events);
    if (events.events_size() > 0) outbox.Acknowledge(events.events().rbegin()->sequence());
  };
  outbox.AddOutput(kKey, OutputLimit(2 << 20), 0, std::string(90000, 'x'));
  EXPECT_FALSE(outbox.IsFull(kKey));
  const LeaseKey other{.task_id = 8, .lease_epoch = 1};
  outbox.AddOutput(other, OutputLimit(2 << 20), 0, std::string(20000, 'y'));
  EXPECT_TRUE(outbox.IsFull(kKey));
  EXPECT_EQ(rooms, 0);
  acknowledge_all();
  EXPECT_FALSE(outbox.IsFull(kKey));
  EXPECT_EQ(rooms, 1);
}

TEST_F(OutboxTest, OneThatFloodsDoesNotHoldUpTheOthers) {
  Outbox outbox([] {}, 100000, [] {});
  outbox.AddOutput(kKey, OutputLimit(2 << 20), 0, std::string(200000, 'x'));
  EXPECT_TRUE(outbox.IsFull(kKey));
  for (int64_t task = 10; task < 15; ++task) {
    const LeaseKey other{.task_id = task, .lease_epoch = 1};
    EXPECT_FALSE(outbox.IsFull(other)) << "it holds nothing yet";
    outbox.AddOutput(other, OutputLimit(2 << 20), 0, "a line\n");
    EXPECT_FALSE(outbox.IsFull(other)) << "it holds less than its share";
  }
  const LeaseKey second{.task_id = 20, .lease_epoch = 1};
  outbox.AddOutput(second, OutputLimit(2 << 20), 0, std::string(20000, 'x'));
  EXPECT_TRUE(outbox.IsFull(second)) << "it holds more than its share";
}

TEST_F(OutboxTest, ALostLeaseMakesRoom) {
  int rooms = 0;
  Outbox outbox([] {}, 1000000, [&] { ++rooms; });
  outbox.AddOutput(kKey, OutputLimit(4 << 20), 0, std::string(1000000, 'x'));
  EXPECT_TRUE(outbox.IsFull(kKey));
  outbox.Drop(kKey);  // What is in flight still counts.
  EXPECT_FALSE(outbox.IsFull(kKey));
  EXPECT_EQ(rooms, 1);
}

TEST_F(OutboxTest, WhatIsDroppedBetweenHeadAndTailDoesNotCount) {
  Outbox outbox([] {}, 1000000, [] {});
  int64_t offset = 0;
  for (int i = 0; i < 100; ++i, offset += 50000) {
    outbox.AddOutput(kKey, OutputLimit(2000), offset, std::string(50000, 'x'));
  }
  EXPECT_FALSE(outbox.IsFull(kKey));
}

}  // namespace
}  // namespace longshore
