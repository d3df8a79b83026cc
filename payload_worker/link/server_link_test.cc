// The worker's end of the stream, against servers that the test plays over real gRPC.
#include "payload_worker/link/server_link.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "payload_worker/link/testing/server_link_fixture.h"

namespace longshore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

using ServerLinkTest = ServerLinkFixture;

TEST_F(ServerLinkTest, AHelloSaysWhoItIsAndHowMuchItTakes) {
  Start({server_.address()});
  const v1::WorkerMessage message = server_.Accept()->Read();
  EXPECT_EQ(message.hello().name(), "w");
  EXPECT_EQ(message.hello().version(), "1.2");
  EXPECT_EQ(message.hello().capacity(), 3);
  EXPECT_NE(message.hello().incarnation(), "");
}

TEST_F(ServerLinkTest, WhatItHasToTellWaitsForTheWelcome) {
  AddExecuting();
  Start({server_.address()});
  const auto stream = Accept(server_);
  AddExecuting();
  stream->Welcome(kLease);
  EXPECT_THAT(ReadSequences(*stream, 2), ElementsAre(1, 2));
  EXPECT_EQ(link_->lease_duration(), kLease);
}

TEST_F(ServerLinkTest, WhatIsAddedLaterIsSentAtOnce) {
  const auto stream = Connect();
  AddExecuting();
  EXPECT_THAT(ReadSequences(*stream, 1), ElementsAre(1));
  AddExecuting();
  EXPECT_THAT(ReadSequences(*stream, 1), ElementsAre(2));
}

TEST_F(ServerLinkTest, AnAcknowledgementFreesTheOutbox) {
  const auto stream = Connect();
  AddExecuting();
  AddLast();
  EXPECT_THAT(ReadSequences(*stream, 2), ElementsAre(1, 2));
  EXPECT_FALSE(outbox_.Empty());
  v1::ServerMessage message;
  message.mutable_acknowledge()->set_sequence(2);
  message.mutable_acknowledge()->add_lost()->set_task_id(9);
  stream->Write(message);
  EXPECT_EQ(NextNote(), "lost 9");
  EXPECT_EQ(NextNote(), "committed 2") << "only what ends a task is told";
  EXPECT_TRUE(outbox_.Empty());
}

TEST_F(ServerLinkTest, AfterTheStreamEndsItConnectsAgainAndSendsWhatIsNotAcknowledged) {
  Start({server_.address()});
  const auto first = server_.Accept();
  const std::string incarnation = first->Read().hello().incarnation();
  first->Welcome(kLease);
  EXPECT_EQ(NextNote(), "connected");
  AddExecuting();
  AddExecuting();
  AddLast();
  EXPECT_THAT(ReadSequences(*first, 3), ElementsAre(1, 2, 3));
  first->Acknowledge(1);
  first->End();
  EXPECT_EQ(NextNote(), "failed 1");
  const auto second = server_.Accept();
  EXPECT_EQ(second->Read().hello().incarnation(), incarnation);
  second->Welcome(kLease);
  EXPECT_THAT(ReadSequences(*second, 2), ElementsAre(2, 3));
  EXPECT_EQ(NextNote(), "connected") << "what was asked for is asked for again";
  second->Acknowledge(3);
  EXPECT_EQ(NextNote(), "committed 3");
  EXPECT_TRUE(outbox_.Empty());
}

TEST_F(ServerLinkTest, TriesOneServerAfterTheOtherAndWaitsLongerUntilItIsWelcome) {
  Start({"127.0.0.1:1", server_.address()});
  EXPECT_EQ(NextNote(), "failed 1");
  Accept(server_)->End();
  EXPECT_EQ(NextNote(), "failed 2") << "it was not welcome";
  EXPECT_EQ(NextNote(), "failed 3");
  const auto stream = Accept(server_);
  stream->Welcome(kLease);
  EXPECT_EQ(NextNote(), "connected");
  stream->End();
  EXPECT_EQ(NextNote(), "failed 1");
  EXPECT_EQ(NextNote(), "failed 2");
  Accept(server_);
}

TEST_F(ServerLinkTest, ADrainSendsItToTheNextServer) {
  FakeServer other;
  Start({server_.address(), other.address()});
  const auto stream = Accept(server_);
  stream->Welcome(kLease);
  v1::ServerMessage message;
  message.mutable_drain();
  stream->Write(message);
  stream->AwaitLeft();
  Accept(other);
  link_->Shutdown();
}

TEST_F(ServerLinkTest, AnAssignmentIsHandedOnAndItsLeaseConfirmed) {
  const auto stream = Connect();
  stream->Write(Assignment(kKey));
  EXPECT_EQ(NextNote(), "assignment 70");
  EXPECT_TRUE(leases_.Holds(kKey));
  EXPECT_FALSE(leases_.IsValid(kKey));
  const v1::Heartbeat heartbeat = ReadHeartbeat(*stream);
  EXPECT_THAT(heartbeat.task_ids(), ElementsAre(kKey.task_id));
  EXPECT_THAT(heartbeat.lease_epochs(), ElementsAre(kKey.lease_epoch));
  v1::ServerMessage answer;
  answer.mutable_leases_renewed()->set_sequence(heartbeat.sequence());
  stream->Write(answer);
  EXPECT_TRUE(leases_.WaitValid(kKey, kLease, seconds(600)));
  EXPECT_FALSE(leases_.WaitValid(kKey, kLease + milliseconds(1), milliseconds(0)))
      << "the lease counts from when the heartbeat was sent";
}

TEST_F(ServerLinkTest, ALeaseThatIsNotRenewedIsLost) {
  const auto stream = Connect();
  stream->Write(Assignment(kKey));
  EXPECT_EQ(NextNote(), "assignment 70");
  const v1::Heartbeat heartbeat = ReadHeartbeat(*stream);
  v1::ServerMessage answer;
  answer.mutable_leases_renewed()->set_sequence(heartbeat.sequence());
  v1::LostLease* lost = answer.mutable_leases_renewed()->add_lost();
  lost->set_task_id(kKey.task_id);
  lost->set_lease_epoch(kKey.lease_epoch);
  answer.mutable_leases_renewed()->add_cancel_task_ids(11);
  answer.mutable_leases_renewed()->add_recall_task_ids(12);
  stream->Write(answer);
  EXPECT_EQ(NextNote(), "lost 7");
  EXPECT_EQ(NextNote(), "cancel 11");
  EXPECT_EQ(NextNote(), "recall 12");
  EXPECT_FALSE(leases_.IsValid(kKey));
}

TEST_F(ServerLinkTest, ANewStreamConfirmsTheLeasesThatItHas) {
  const auto first = Connect();
  first->Write(Assignment(kKey));
  EXPECT_EQ(NextNote(), "assignment 70");
  ReadHeartbeat(*first);
  first->End();
  EXPECT_EQ(NextNote(), "failed 1");
  const auto second = Accept(server_);
  second->Welcome(kLease);
  EXPECT_THAT(ReadHeartbeat(*second).task_ids(), ElementsAre(kKey.task_id));
}

TEST_F(ServerLinkTest, ACleanupIsNoLease) {
  const auto stream = Connect();
  v1::ServerMessage message = Assignment({.task_id = 0, .lease_epoch = 4});
  message.mutable_assignment()->set_cleanup(true);
  stream->Write(message);
  EXPECT_EQ(NextNote(), "assignment 70");
  EXPECT_FALSE(leases_.Holds({.task_id = 0, .lease_epoch = 4}));
}

TEST_F(ServerLinkTest, CreditFollowsTheRoomThatThereIs) {
  const auto stream = Connect();
  capacity_ = 5;
  link_->SendPending();
  EXPECT_EQ(stream->ReadBesidesHeartbeats().credit().count(), 2);
  capacity_ = 0;
  link_->SendPending();
  EXPECT_EQ(stream->ReadBesidesHeartbeats().credit().count(), -5);
}

TEST_F(ServerLinkTest, AnAssignmentTakesCreditAndIsReplacedWhereThereIsRoom) {
  const auto stream = Connect();
  stream->Write(Assignment(kKey));
  EXPECT_EQ(stream->ReadBesidesHeartbeats().credit().count(), 1);
}

TEST_F(ServerLinkTest, AScriptIsAskedForAndHandedOn) {
  const auto stream = Connect();
  link_->RequestScript("hash");
  EXPECT_EQ(stream->ReadBesidesHeartbeats().script_request().sha256(), "hash");
  v1::ServerMessage message;
  message.mutable_script()->set_content("true");
  stream->Write(message);
  EXPECT_EQ(NextNote(), "script true");
}

TEST_F(ServerLinkTest, WhatTheServerAsksForIsHandedOn) {
  const auto stream = Connect();
  v1::ServerMessage message;
  message.mutable_cancel_task()->set_task_id(7);
  stream->Write(message);
  message.mutable_cancel_task()->set_unless_started(true);
  stream->Write(message);
  stream->Write({});  // A newer server's, of a kind that is not known here.
  message.mutable_host_key_decision()->set_host_key("ssh-ed25519 A");
  stream->Write(message);
  EXPECT_EQ(NextNote(), "cancel 7");
  EXPECT_EQ(NextNote(), "recall 7");
  EXPECT_EQ(NextNote(), "host key ssh-ed25519 A");
}

TEST_F(ServerLinkTest, AServerThatDoesNotAnswerHeartbeatsIsLeft) {
  Start({server_.address()});
  const auto stream = Accept(server_);
  stream->Welcome(milliseconds(60));  // How often the link looks at its clock depends on it.
  EXPECT_TRUE(stream->Read().has_heartbeat());
  clock_.Advance(seconds(2));
  stream->AwaitLeft();
  Accept(server_);
}

TEST_F(ServerLinkTest, AShutdownEndsTheStream) {
  const auto stream = Connect();
  link_->Shutdown();
  stream->AwaitLeft();
  AddExecuting();
  EXPECT_FALSE(outbox_.Empty());
}

}  // namespace
}  // namespace longshore
