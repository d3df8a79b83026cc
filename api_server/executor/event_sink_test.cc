// What the sink stores, answers and says to be dealt with, against real PostgreSQL.
#include "api_server/executor/event_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "api_server/executor/testing/fake_session.h"
#include "api_server/executor/testing/recorded_signals.h"
#include "api_server/executor/testing/refuse_updates.h"
#include "common/policy.h"
#include "storage/testing/database_fixture.h"
#include "storage/testing/held_transaction.h"

namespace longshore::executor {
namespace {

using storage::HeldTransaction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class EventSinkTest : public storage::DatabaseFixture {
 protected:
  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    sink_database_ = std::make_unique<storage::Database>(storage::DatabaseOptions{
        .url = url_, .max_connections = 1, .acquire_timeout = std::chrono::milliseconds(1)});
    applier_ = std::make_unique<EventApplier>(sink_database_.get(), ApplierOptions{});
    sink_ = std::make_unique<EventSink>(sink_database_.get(), applier_.get(), &signals_,
                                        policy::kLeaseDuration);
    task_ = AddPayload(AddInstance("a"), "/x");
    other_ = AddPayload(AddInstance("b"), "/x");
    ASSERT_THAT(Claim(2), SizeIs(2));
  }
  void TearDown() override {
    sink_->Shutdown();
    storage::DatabaseFixture::TearDown();
  }

  v1::TaskEvent* Add(int64_t task, v1::TaskEvents* events, int64_t epoch = 1) {
    v1::TaskEvent* event = events->add_events();
    event->set_sequence(++sequence_);
    event->set_task_id(task);
    event->set_lease_epoch(epoch);
    return event;
  }
  v1::TaskEvents Executing(int64_t task, int64_t epoch = 1) {
    v1::TaskEvents events;
    Add(task, &events, epoch)->mutable_executing();
    return events;
  }
  v1::TaskEvents WholeLife(int64_t task) {
    v1::TaskEvents events;
    Add(task, &events)->mutable_executing();
    Add(task, &events)->mutable_output()->set_data("hello");
    v1::Finished* finished = Add(task, &events)->mutable_finished();
    finished->set_status(v1::PAYLOAD_STATUS_COMPLETED);
    finished->set_executed(true);
    finished->set_exit_code(0);
    finished->set_output_bytes(5);
    return events;
  }
  static v1::Heartbeat Beat(uint64_t sequence, const std::vector<int64_t>& tasks,
                            int64_t epoch = 1) {
    v1::Heartbeat heartbeat;
    heartbeat.set_sequence(sequence);
    for (int64_t task : tasks) {
      heartbeat.add_task_ids(task);
      heartbeat.add_lease_epochs(epoch);
    }
    return heartbeat;
  }
  static std::vector<int64_t> TasksOf(
      const google::protobuf::RepeatedPtrField<v1::LostLease>& leases) {
    std::vector<int64_t> tasks;
    for (const v1::LostLease& lease : leases) tasks.push_back(lease.task_id());
    return tasks;
  }

  RecordedSignals signals_;
  std::unique_ptr<storage::Database> sink_database_;
  std::unique_ptr<EventApplier> applier_;
  std::unique_ptr<EventSink> sink_;
  std::shared_ptr<FakeSession> session_ = std::make_shared<FakeSession>("w");
  uint64_t sequence_ = 0;
  int64_t task_ = 0;
  int64_t other_ = 0;
};

TEST_F(EventSinkTest, AcknowledgesWhatIsStored) {
  const v1::TaskEvents events = WholeLife(task_);
  sink_->AddEvents(session_, events);
  const v1::ServerMessage answer = session_->Take();
  EXPECT_EQ(answer.acknowledge().sequence(), 3);
  EXPECT_THAT(answer.acknowledge().lost(), IsEmpty());
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED) << "before it is acknowledged";
  EXPECT_EQ(Payload(task_).output_bytes(), 5);
  session_->AwaitProcessed(EventSink::CostOf(events));
  sink_->Shutdown();
  EXPECT_THAT(signals_.payloads(), ElementsAre(task_));
  EXPECT_EQ(signals_.tasks_due(), 0) << "nothing has waited for it";
}

TEST_F(EventSinkTest, TellsWhenSomethingHasWaitedForAnEnd) {
  const int64_t waiting = AddPayload(Payload(task_).instance_id(), "/x");
  ASSERT_THAT(Claim(1), IsEmpty()) << "its path is busy";
  sink_->AddEvents(session_, WholeLife(task_));
  session_->Take();
  sink_->Shutdown();
  EXPECT_EQ(signals_.tasks_due(), 1);
  EXPECT_THAT(Claim(1), ElementsAre(waiting));
}

TEST_F(EventSinkTest, WhatComesSoonIsStoredTogether) {
  v1::TaskEvents whole = WholeLife(task_);
  for (const v1::TaskEvent& event : whole.events()) {
    v1::TaskEvents one;
    *one.add_events() = event;
    sink_->AddEvents(session_, one);
  }
  for (int sequence = 1; sequence <= 3; ++sequence) {
    EXPECT_EQ(session_->Take().acknowledge().sequence(), sequence);
  }
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_COMPLETED);
}

TEST_F(EventSinkTest, ThatARunDirectoryIsGoneWaitsForOtherEventsAndGoesWithThem) {
  v1::TaskEvents cleaned;
  Add(task_, &cleaned)->mutable_cleaned()->set_payload_id(task_);
  sink_->AddEvents(session_, cleaned);
  sink_->AddEvents(session_, Executing(task_));
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 1);
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 2);
}

TEST_F(EventSinkTest, EachStreamIsAcknowledgedByItself) {
  const auto second = std::make_shared<FakeSession>("w");
  sink_->AddEvents(session_, Executing(task_));
  sink_->AddEvents(second, Executing(other_));
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 1);
  EXPECT_EQ(second->Take().acknowledge().sequence(), 2);
}

TEST_F(EventSinkTest, ALostLeaseIsNamedOnce) {
  v1::TaskEvents events = Executing(task_, /*epoch=*/7);
  events.MergeFrom(Executing(task_, /*epoch=*/7));
  events.MergeFrom(Executing(other_));
  sink_->AddEvents(session_, events);
  const v1::ServerMessage answer = session_->Take();
  EXPECT_EQ(answer.acknowledge().sequence(), 3);
  ASSERT_THAT(TasksOf(answer.acknowledge().lost()), ElementsAre(task_));
  EXPECT_EQ(answer.acknowledge().lost(0).lease_epoch(), 7);
  EXPECT_EQ(Payload(other_).status(), v1::PAYLOAD_STATUS_EXECUTING);
}

TEST_F(EventSinkTest, TheKeyOfAHostIsDecidedBeforeTheAcknowledgement) {
  ASSERT_TRUE(Sql("UPDATE instances SET host_key = ''").ok());
  v1::TaskEvents events;
  Add(task_, &events)->mutable_host_key_seen()->set_host_key(storage::HostKey('A'));
  sink_->AddEvents(session_, events);
  const v1::ServerMessage decision = session_->Take();
  EXPECT_EQ(decision.host_key_decision().task_id(), task_);
  EXPECT_EQ(decision.host_key_decision().host_key(), storage::HostKey('A'));
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 1);
}

TEST_F(EventSinkTest, OneRowThatIsRefusedCostsOnlyItsTask) {
  ASSERT_TRUE(Sql(RefuseUpdates("payloads", "NEW.id = 1 AND NEW.status = 'EXECUTING'")).ok());
  v1::TaskEvents events = Executing(task_);
  events.MergeFrom(Executing(other_));
  sink_->AddEvents(session_, events);
  EXPECT_THAT(TasksOf(session_->Take().acknowledge().lost()), ElementsAre(task_));
  EXPECT_EQ(Payload(task_).failure_reason(), v1::FAILURE_REASON_INTERNAL);
  EXPECT_EQ(Payload(other_).status(), v1::PAYLOAD_STATUS_EXECUTING);
}

TEST_F(EventSinkTest, ARowThatTakesNothingIsLostAndTheOthersAreStored) {
  ASSERT_TRUE(Sql(RefuseUpdates("payloads", "NEW.id = 1")).ok());
  v1::TaskEvents events = Executing(task_);
  events.MergeFrom(Executing(other_));
  sink_->AddEvents(session_, events);
  const v1::ServerMessage answer = session_->Take();
  EXPECT_EQ(answer.acknowledge().sequence(), 2) << "it is not sent again for ever";
  EXPECT_THAT(TasksOf(answer.acknowledge().lost()), ElementsAre(task_));
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_PENDING);
  EXPECT_EQ(Payload(other_).status(), v1::PAYLOAD_STATUS_EXECUTING);
}

TEST_F(EventSinkTest, AHeartbeatRenewsAndTellsWhatIsLostAndWhatIsToStop) {
  const int64_t third = AddPayload(AddInstance("c"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(third));
  Do([&](storage::Connection& c) { return storage::task_store::RequestCancel(c, {other_}); });
  ASSERT_TRUE(Sql("UPDATE tasks SET lease_until = now() + interval '1 s';"
                  " UPDATE tasks SET recall_requested = true WHERE id = 3")
                  .ok());
  const v1::Heartbeat heartbeat = Beat(5, {task_, other_, third, 999});
  sink_->AddHeartbeat(session_, heartbeat);
  const v1::LeasesRenewed answer = session_->Take().leases_renewed();
  EXPECT_EQ(answer.sequence(), 5);
  EXPECT_THAT(TasksOf(answer.lost()), ElementsAre(999));
  EXPECT_THAT(answer.cancel_task_ids(), ElementsAre(other_));
  EXPECT_THAT(answer.recall_task_ids(), ElementsAre(third));
  session_->AwaitProcessed(EventSink::CostOf(heartbeat));
  EXPECT_EQ(QueryValue("SELECT count(*) FROM tasks WHERE lease_until > now() + interval '5 s'"),
            "3");
}

TEST_F(EventSinkTest, AHeartbeatRenewsOnlyItsSendersLeases) {
  const auto other = std::make_shared<FakeSession>("other");
  sink_->AddHeartbeat(other, Beat(1, {task_}));
  EXPECT_THAT(TasksOf(other->Take().leases_renewed().lost()), ElementsAre(task_));
}

TEST_F(EventSinkTest, LeasesBecomeAGroupAndAreRenewedWithIt) {
  v1::Heartbeat making = Beat(1, {task_, other_, 999});
  making.set_make_group(true);
  sink_->AddHeartbeat(session_, making);
  const v1::LeasesRenewed made = session_->Take().leases_renewed();
  EXPECT_EQ(made.sequence(), 1);
  EXPECT_GT(made.group(), 0);
  EXPECT_THAT(made.ungrouped_task_ids(), ElementsAre(999));
  EXPECT_THAT(made.lost(), IsEmpty());
  Do([&](storage::Connection& c) { return storage::task_store::RequestCancel(c, {other_}); });
  v1::Heartbeat heartbeat = Beat(2, {});
  v1::LeaseGroup* group = heartbeat.add_groups();
  group->set_id(made.group());
  group->set_tasks(2);
  group->set_task_id_sum(task_ + other_);
  group->set_lease_epoch_sum(2);
  sink_->AddHeartbeat(session_, heartbeat);
  const v1::LeasesRenewed answer = session_->Take().leases_renewed();
  EXPECT_THAT(answer.refused_groups(), IsEmpty());
  EXPECT_THAT(answer.cancel_task_ids(), ElementsAre(other_));
  session_->AwaitProcessed(EventSink::CostOf(making) + EventSink::CostOf(heartbeat));
  const auto stranger = std::make_shared<FakeSession>("other");
  sink_->AddHeartbeat(stranger, heartbeat);
  EXPECT_THAT(stranger->Take().leases_renewed().refused_groups(), ElementsAre(made.group()));
}

TEST_F(EventSinkTest, ARowThatTakesNothingKeepsAGroupFromBeingMade) {
  ASSERT_TRUE(Sql(RefuseUpdates("tasks", "NEW.id = 1")).ok());
  v1::Heartbeat making = Beat(1, {task_, other_});
  making.set_make_group(true);
  sink_->AddHeartbeat(session_, making);
  const v1::LeasesRenewed answer = session_->Take().leases_renewed();
  EXPECT_EQ(answer.sequence(), 1);
  EXPECT_EQ(answer.group(), 0);
  EXPECT_THAT(answer.ungrouped_task_ids(), ElementsAre(task_, other_));
  EXPECT_THAT(answer.lost(), IsEmpty());
}

TEST_F(EventSinkTest, AFloodOfGroupsMakesFew) {
  HeldTransaction held(database_.get(), [&](storage::Connection& c) {
    return storage::task_store::Lock(c, {other_}).status();
  });
  sink_->AddHeartbeat(session_, Beat(1, {other_}));  // Waits, and the others for it.
  constexpr uint64_t kLast = 51;
  for (uint64_t sequence = 2; sequence <= kLast; ++sequence) {
    v1::Heartbeat making = Beat(sequence, {task_, other_});
    making.set_make_group(true);
    sink_->AddHeartbeat(session_, making);
  }
  held.Release();
  EXPECT_THAT(session_->Take().leases_renewed().lost(), IsEmpty());
  int made = 0;
  for (uint64_t sequence = 2; sequence <= kLast; ++sequence) {
    const v1::LeasesRenewed answer = session_->Take().leases_renewed();
    EXPECT_EQ(answer.ungrouped_task_ids_size(), answer.group() == 0 ? 2 : 0);
    if (answer.group() != 0) ++made;
  }
  // Some may have come with the first heartbeat.
  EXPECT_GE(made, 1);
  EXPECT_LE(made, 2);
}

TEST_F(EventSinkTest, AGroupOfNothingIsNone) {
  v1::Heartbeat making = Beat(1, {999});
  making.set_make_group(true);
  sink_->AddHeartbeat(session_, making);
  EXPECT_EQ(session_->Take().leases_renewed().group(), 0);
  EXPECT_EQ(QueryValue("SELECT count(*) FROM lease_groups"), "0");
}

// A heartbeat is dealt with, unanswered, between two tries to store: when the second one is, the
// events have been tried.
TEST_F(EventSinkTest, WhatCannotBeStoredIsHeldAndStoredLater) {
  HeldTransaction held(sink_database_.get());  // It has one connection.
  const v1::TaskEvents events = Executing(task_);
  sink_->AddEvents(session_, events);
  const v1::Heartbeat heartbeat = Beat(1, {task_});
  const size_t cost = EventSink::CostOf(heartbeat);
  for (size_t beats = 1; beats <= 2; ++beats) {
    sink_->AddHeartbeat(session_, heartbeat);
    session_->AwaitProcessed(beats * cost);
  }
  EXPECT_FALSE(session_->HasMessages()) << "nothing is stored, nothing is renewed";
  EXPECT_EQ(session_->processed_bytes(), 2 * cost);
  held.Release();
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 1);
  EXPECT_EQ(Payload(task_).status(), v1::PAYLOAD_STATUS_EXECUTING);
  session_->AwaitProcessed(2 * cost + EventSink::CostOf(events));
}

TEST_F(EventSinkTest, ShutdownStoresWhatIsThere) {
  sink_->AddEvents(session_, Executing(task_));
  sink_->AddEvents(session_, Executing(other_));
  sink_->Shutdown();
  EXPECT_EQ(Payload(other_).status(), v1::PAYLOAD_STATUS_EXECUTING);
  sink_->AddEvents(session_, Executing(task_));
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 1);
  EXPECT_EQ(session_->Take().acknowledge().sequence(), 2);
  EXPECT_FALSE(session_->HasMessages()) << "nothing is taken after it";
}

TEST_F(EventSinkTest, ShutdownDoesNotWaitForADatabaseThatIsAway) {
  HeldTransaction held(sink_database_.get());  // It has one connection.
  sink_->AddEvents(session_, Executing(task_));
  sink_->Shutdown();
  EXPECT_FALSE(session_->HasMessages()) << "the worker keeps it and sends it elsewhere";
}

}  // namespace
}  // namespace longshore::executor
