// How leases become groups, and what becomes of those, against servers that the test plays.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>

#include "payload_worker/link/testing/server_link_fixture.h"

namespace longshore {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

constexpr LeaseKey kOther{.task_id = 8, .lease_epoch = 5};
constexpr milliseconds kShortLease{300};  // A heartbeat comes each third of it.
constexpr int64_t kGroup = 77;

class LeaseGroupLinkTest : public ServerLinkFixture {
 protected:
  // Renews what heartbeats name, and makes a group of what wants to be one, until `wanted` is true
  // of one, which it returns.
  static v1::Heartbeat RenewUntil(FakeServerStream& stream,
                                  const std::function<bool(const v1::Heartbeat&)>& wanted) {
    while (true) {
      const v1::WorkerMessage message = stream.Read();
      if (message.kind_case() == v1::WorkerMessage::KIND_NOT_SET) return {};
      if (!message.has_heartbeat()) continue;
      if (wanted(message.heartbeat())) return message.heartbeat();
      v1::ServerMessage answer;
      answer.mutable_leases_renewed()->set_sequence(message.heartbeat().sequence());
      if (MakesGroup(message.heartbeat())) answer.mutable_leases_renewed()->set_group(kGroup);
      stream.Write(answer);
    }
  }
  static bool MakesGroup(const v1::Heartbeat& heartbeat) { return heartbeat.make_group(); }
  static bool NamesGroup(const v1::Heartbeat& heartbeat) { return heartbeat.groups_size() > 0; }
  // A link whose leases of kKey and kOther have become a group, and the heartbeat that names it.
  std::shared_ptr<FakeServerStream> ConnectWithGroup(v1::Heartbeat* heartbeat) {
    Start({server_.address()});
    auto stream = Accept(server_);
    stream->Welcome(kShortLease, /*lease_groups=*/true);
    stream->Write(Assignment(kKey));
    stream->Write(Assignment(kOther));
    *heartbeat = RenewUntil(*stream, [](const v1::Heartbeat& sent) {
      return NamesGroup(sent) && sent.groups(0).tasks() == 2;
    });
    return stream;
  }
  static void RefuseGroup(FakeServerStream& stream, const v1::Heartbeat& heartbeat) {
    v1::ServerMessage answer;
    answer.mutable_leases_renewed()->set_sequence(heartbeat.sequence());
    answer.mutable_leases_renewed()->add_refused_groups(kGroup);
    stream.Write(answer);
  }
};

TEST_F(LeaseGroupLinkTest, WhatIsHeldForLongIsRenewedAsAGroup) {
  v1::Heartbeat heartbeat;
  const auto stream = ConnectWithGroup(&heartbeat);
  ASSERT_EQ(heartbeat.groups_size(), 1);
  EXPECT_EQ(heartbeat.groups(0).id(), kGroup);
  EXPECT_EQ(heartbeat.groups(0).tasks(), 2);
  EXPECT_EQ(heartbeat.groups(0).task_id_sum(), 15);
  EXPECT_EQ(heartbeat.groups(0).lease_epoch_sum(), 7);
  EXPECT_EQ(heartbeat.task_ids_size(), 0);
  clock_.Advance(milliseconds(500));  // Longer than the lease; less than a server may be silent.
  EXPECT_FALSE(leases_.IsValid(kKey));
  // One that was sent before then renews nothing; a later one does.
  RenewUntil(*stream, [&](const v1::Heartbeat&) {
    return leases_.IsValid(kKey) && leases_.IsValid(kOther);
  });
  link_->Shutdown();
  stream->End();
}

TEST_F(LeaseGroupLinkTest, AGroupThatTheServerKnowsOtherwiseIsAskedForOneByOne) {
  v1::Heartbeat heartbeat;
  const auto stream = ConnectWithGroup(&heartbeat);
  RefuseGroup(*stream, heartbeat);
  heartbeat =
      RenewUntil(*stream, [](const v1::Heartbeat& sent) { return sent.task_ids_size() == 2; });
  EXPECT_FALSE(heartbeat.make_group());
  EXPECT_EQ(heartbeat.groups_size(), 0);
  link_->Shutdown();
  stream->End();
}

TEST_F(LeaseGroupLinkTest, AGroupWhoseTaskEndedMeanwhileIsAskedForAgain) {
  v1::Heartbeat heartbeat;
  const auto stream = ConnectWithGroup(&heartbeat);
  leases_.Remove(kKey);
  RefuseGroup(*stream, heartbeat);
  heartbeat = RenewUntil(*stream, [](const v1::Heartbeat& sent) {
    return sent.task_ids_size() > 0 || (NamesGroup(sent) && sent.groups(0).tasks() == 1);
  });
  ASSERT_EQ(heartbeat.groups_size(), 1);
  EXPECT_EQ(heartbeat.groups(0).task_id_sum(), kOther.task_id);
  link_->Shutdown();
  stream->End();
}

TEST_F(LeaseGroupLinkTest, AGroupWhoseTasksChangeAllTheTimeIsAskedForOneByOne) {
  v1::Heartbeat heartbeat;
  const auto stream = ConnectWithGroup(&heartbeat);
  int refusals = 0;
  while (NamesGroup(heartbeat)) {
    if (leases_.Holds(kKey)) {
      leases_.Remove(kKey);
    } else {
      leases_.Add(kKey);
      leases_.SetGroup({kKey}, kGroup);
    }
    RefuseGroup(*stream, heartbeat);
    ++refusals;
    heartbeat = RenewUntil(*stream, [](const v1::Heartbeat& sent) {
      return NamesGroup(sent) || (sent.task_ids_size() > 0 && !MakesGroup(sent));
    });
  }
  EXPECT_LE(refusals, 3);
  link_->Shutdown();
  stream->End();
}

TEST_F(LeaseGroupLinkTest, WhatHasNotBecomeOfTheGroupIsAskedForByItself) {
  Start({server_.address()});
  auto stream = Accept(server_);
  stream->Welcome(kShortLease, /*lease_groups=*/true);
  stream->Write(Assignment(kKey));
  stream->Write(Assignment(kOther));
  // One of them is not taken in, each time.
  const auto heartbeat = [&] {
    while (true) {
      v1::Heartbeat sent = RenewUntil(
          *stream, [](const v1::Heartbeat& any) { return MakesGroup(any) || NamesGroup(any); });
      if (!MakesGroup(sent)) return sent;
      v1::ServerMessage answer;
      answer.mutable_leases_renewed()->set_sequence(sent.sequence());
      answer.mutable_leases_renewed()->set_group(kGroup);
      answer.mutable_leases_renewed()->add_ungrouped_task_ids(kOther.task_id);
      stream->Write(answer);
    }
  }();
  ASSERT_EQ(heartbeat.groups_size(), 1);
  EXPECT_EQ(heartbeat.groups(0).task_id_sum(), kKey.task_id);
  EXPECT_THAT(heartbeat.task_ids(), ElementsAre(kOther.task_id));
  EXPECT_TRUE(leases_.Holds(kKey) && leases_.Holds(kOther)) << "that it is lost was not said";
  link_->Shutdown();
  stream->End();
}

TEST_F(LeaseGroupLinkTest, AServerThatKnowsNoGroupsIsAskedForEach) {
  v1::Heartbeat heartbeat;
  const auto first = ConnectWithGroup(&heartbeat);
  first->End();
  const auto second = Accept(server_);
  second->Welcome(kShortLease);
  int heartbeats = 0;
  const v1::Heartbeat grouped = RenewUntil(*second, [&](const v1::Heartbeat& sent) {
    if (sent.task_ids_size() == 2) ++heartbeats;
    return MakesGroup(sent) || NamesGroup(sent) || heartbeats == 6;
  });
  EXPECT_EQ(heartbeats, 6);
  EXPECT_FALSE(MakesGroup(grouped) || NamesGroup(grouped));
  link_->Shutdown();
  second->End();
}

}  // namespace
}  // namespace longshore
