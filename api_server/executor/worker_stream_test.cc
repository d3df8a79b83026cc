// One worker's stream, over a real channel and real PostgreSQL: what it takes, answers and refuses.
#include "api_server/executor/worker_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <limits>

#include "api_server/executor/event_rules.h"
#include "api_server/executor/testing/recorded_signals.h"
#include "common/sha256.h"
#include "storage/testing/database_fixture.h"

namespace longshore::executor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The worker's end of a stream.
class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::WorkerService::NewStub(channel)), stream_(stub_->Connect(&context_)) {}

  void Write(const v1::WorkerMessage& message) { EXPECT_TRUE(stream_->Write(message)); }
  v1::ServerMessage Read() {
    v1::ServerMessage message;
    EXPECT_TRUE(stream_->Read(&message)) << "the stream has ended";
    return message;
  }
  void SayHello(const std::string& name, int capacity, const std::string& version = "1") {
    v1::WorkerMessage message;
    message.mutable_hello()->set_name(name);
    message.mutable_hello()->set_incarnation("i");
    message.mutable_hello()->set_capacity(capacity);
    message.mutable_hello()->set_version(version);
    Write(message);
  }
  void AddCredit(int count) {
    v1::WorkerMessage message;
    message.mutable_credit()->set_count(count);
    Write(message);
  }
  void AskForScript(const std::string& content) {
    v1::WorkerMessage message;
    message.mutable_script_request()->set_sha256(Sha256(content));
    Write(message);
  }
  // Ends this side and waits for the other's status.
  grpc::Status Leave() {
    stream_->WritesDone();
    return Finish();
  }
  // Waits for the status; the server has to end the stream by itself.
  grpc::Status Finish() {
    v1::ServerMessage message;
    while (stream_->Read(&message)) {
    }
    return stream_->Finish();
  }
  void Cancel() {
    context_.TryCancel();
    EXPECT_EQ(Finish().error_code(), grpc::StatusCode::CANCELLED);
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkerMessage, v1::ServerMessage>> stream_;
};

class WorkerStreamTest : public storage::DatabaseFixture {
 protected:
  static constexpr std::chrono::milliseconds kLease{12500};

  void SetUp() override {
    storage::DatabaseFixture::SetUp();
    applier_ = std::make_unique<EventApplier>(database_.get(), ApplierOptions{});
    sink_ = std::make_unique<EventSink>(database_.get(), applier_.get(), &signals_, kLease);
    service_ =
        std::make_unique<WorkerServiceImpl>(WorkerStreamContext{.database = database_.get(),
                                                                .registry = &registry_,
                                                                .sink = sink_.get(),
                                                                .database_work = &database_work_,
                                                                .on_credit = [this] { OnCredit(); },
                                                                .lease_duration = kLease,
                                                                .refused = &refused_});
    grpc::ServerBuilder builder;
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  void TearDown() override {
    server_->Shutdown();
    sink_->Shutdown();
    database_work_.Shutdown();
    service_->AwaitStreams();
    storage::DatabaseFixture::TearDown();
  }

  // A stream that has said hello and been welcomed.
  std::unique_ptr<Client> Connect(const std::string& name = "w", int capacity = 1) {
    auto client = std::make_unique<Client>(channel_);
    client->SayHello(name, capacity);
    EXPECT_TRUE(client->Read().has_welcome());
    AwaitCredits(++expected_credits_);
    return client;
  }
  // Every hello and every credit counts as one.
  void AwaitCredits(int count) {
    MutexLock lock(&mutex_);
    while (credits_ < count) changed_.Wait(&mutex_);
  }
  int credits() {
    MutexLock lock(&mutex_);
    return credits_;
  }
  // In a thread of its own: within a process a write waits until it is read.
  static std::future<void> AddCreditsLater(Client& client, int times) {
    return std::async(std::launch::async, [&client, times] {
      for (int i = 0; i < times; ++i) client.AddCredit(1);
    });
  }
  // Gives the server time for whatever it would read: another stream goes back and forth.
  void LetTheServerRead(Client& other) {
    for (int i = 0; i < 50; ++i) {
      other.AddCredit(1);
      AwaitCredits(++expected_credits_);
    }
  }
  // Sends more than a mebibyte to a worker; false when its stream has ended.
  bool SendMuch(const WorkerRegistry::Slot& slot) {
    v1::ServerMessage message;
    message.mutable_script()->set_content(std::string(1 << 20, 'x'));
    return registry_.Send(slot.key, std::move(message));
  }
  static v1::WorkerMessage Executing(int64_t task, uint64_t sequence) {
    v1::WorkerMessage message;
    v1::TaskEvent* event = message.mutable_events()->add_events();
    event->set_sequence(sequence);
    event->set_task_id(task);
    event->set_lease_epoch(1);
    event->mutable_executing();
    return message;
  }

  WorkerRegistry registry_;
  RecordedSignals signals_;
  WorkQueue database_work_{1};  // So that its answers come in the order of the requests.
  std::unique_ptr<EventApplier> applier_;
  std::unique_ptr<EventSink> sink_;
  RefusedWorkers refused_{""};
  std::unique_ptr<WorkerServiceImpl> service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  int expected_credits_ = 0;

 private:
  void OnCredit() {
    {
      MutexLock lock(&mutex_);
      ++credits_;
    }
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  int credits_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(WorkerStreamTest, AHelloIsWelcomedWithTheLeaseAndBringsCredit) {
  Client client(channel_);
  client.SayHello("w", 3);
  const v1::ServerMessage welcome = client.Read();
  EXPECT_EQ(welcome.welcome().lease_duration().seconds(), 12);
  EXPECT_EQ(welcome.welcome().lease_duration().nanos(), 500000000);
  AwaitCredits(1);
  EXPECT_EQ(registry_.TakeCredit(10).size(), 3u);
  EXPECT_TRUE(client.Leave().ok());
}

TEST_F(WorkerStreamTest, CreditAddsToWhatHelloBrought) {
  const auto client = Connect("w", /*capacity=*/1);
  client->AddCredit(2);
  AwaitCredits(2);
  EXPECT_EQ(registry_.TakeCredit(10).size(), 3u);
  client->Leave();
}

TEST_F(WorkerStreamTest, CreditIsTakenOnceAndCanBeTakenBack) {
  const auto client = Connect("w", /*capacity=*/5);
  client->AddCredit(-2);
  AwaitCredits(2);
  EXPECT_EQ(registry_.TakeCredit(10).size(), 3u);
  EXPECT_FALSE(registry_.HasCredit());
  EXPECT_EQ(registry_.TakeCredit(10).size(), 0u);
  client->Leave();
}

TEST_F(WorkerStreamTest, CreditTakenBackAfterItsUseIsOwed) {
  const auto client = Connect("w", /*capacity=*/1);
  EXPECT_EQ(registry_.TakeCredit(1).size(), 1u);
  client->AddCredit(-1);  // It does not know yet what is on its way.
  client->AddCredit(2);
  AwaitCredits(3);
  EXPECT_EQ(registry_.TakeCredit(10).size(), 1u);
  client->Leave();
}

TEST_F(WorkerStreamTest, CreditHasALimitInAll) {
  const auto client = Connect("w", kMaxCredit);
  client->AddCredit(kMaxCredit);
  client->AddCredit(std::numeric_limits<int>::max());
  AwaitCredits(3);
  EXPECT_EQ(registry_.TakeCredit(3 * kMaxCredit).size(), static_cast<size_t>(kMaxCredit));
  client->Leave();
}

// Eight requests for scripts, of 2 MiB each, are the 16 MiB that a stream may have not dealt with.
TEST_F(WorkerStreamTest, AStreamIsNotReadWhileTooMuchOfItIsNotDealtWith) {
  const auto client = Connect("w");
  const auto other = Connect("other");
  std::promise<void> gate;
  database_work_.Add([open = gate.get_future().share()] { open.wait(); });
  for (int i = 0; i < 7; ++i) client->AskForScript("x");
  client->AddCredit(1);
  AwaitCredits(++expected_credits_);
  client->AskForScript("x");
  const auto written = AddCreditsLater(*client, 1);
  LetTheServerRead(*other);
  EXPECT_EQ(credits(), expected_credits_);
  gate.set_value();
  AwaitCredits(++expected_credits_);
  written.wait();
  client->Leave();
  other->Leave();
}

TEST_F(WorkerStreamTest, AStreamIsNotReadWhileItsWorkerDoesNotRead) {
  const auto client = Connect("w");
  const auto slots = registry_.TakeCredit(1);
  ASSERT_EQ(slots.size(), 1u);
  const auto other = Connect("other");
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(SendMuch(slots[0]));
  const auto written = AddCreditsLater(*client, 2);
  LetTheServerRead(*other);
  EXPECT_LE(credits(), expected_credits_ + 1) << "one read may have begun before";
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(client->Read().has_script());
  AwaitCredits(expected_credits_ += 2);
  written.wait();
  client->Leave();
  other->Leave();
}

TEST_F(WorkerStreamTest, AWorkerThatDoesNotReadAtAllIsSentAway) {
  const auto client = Connect("w");
  const auto slots = registry_.TakeCredit(1);
  ASSERT_EQ(slots.size(), 1u);
  int sent = 0;
  while (SendMuch(slots[0])) ++sent;
  EXPECT_GE(sent, 63) << "64 MiB may wait";
  EXPECT_LE(sent, 65) << "and what the transport has taken";
  const grpc::Status status = client->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "you do not read");
  server_->Shutdown();  // Waits for the end of every stream.
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, AWorkerThatLeavesIsForgotten) {
  const auto client = Connect();
  EXPECT_EQ(registry_.size(), 1);
  EXPECT_TRUE(client->Leave().ok());
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, AWorkerWhoseStreamBreaksIsForgotten) {
  Connect()->Cancel();
  server_->Shutdown();  // Waits for the end of every stream.
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, TheFirstMessageMustBeHello) {
  Client client(channel_);
  client.AddCredit(1);
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "the first message must be hello");
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, ASecondHelloEndsTheStream) {
  const auto client = Connect();
  client->SayHello("another", 5);
  EXPECT_EQ(client->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, AHelloWithoutANameEndsTheStream) {
  Client client(channel_);
  client.SayHello("", 1);
  EXPECT_EQ(client.Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, AWorkerThatDoesNotKnowRunIdsIsRefused) {
  Client client(channel_);
  client.SayHello("old", 1, "0.1.0");
  const grpc::Status status = client.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("must be replaced"));
  EXPECT_EQ(registry_.size(), 0);
}

TEST_F(WorkerStreamTest, EventsAreStoredAndAcknowledged) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(task));
  const auto client = Connect();
  client->Write(Executing(task, /*sequence=*/8));
  EXPECT_EQ(client->Read().acknowledge().sequence(), 8) << "a stream may begin anywhere";
  EXPECT_EQ(Payload(task).status(), v1::PAYLOAD_STATUS_EXECUTING);
  client->Leave();
}

TEST_F(WorkerStreamTest, AGapInTheSequenceEndsTheStream) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(task));
  const auto client = Connect();
  client->Write(Executing(task, 1));
  EXPECT_EQ(client->Read().acknowledge().sequence(), 1);
  client->Write(Executing(task, 3));
  EXPECT_EQ(client->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WorkerStreamTest, AHeartbeatIsAnswered) {
  const int64_t task = AddPayload(AddInstance("a"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(task));
  const auto client = Connect();
  v1::WorkerMessage message;
  message.mutable_heartbeat()->set_sequence(4);
  for (int64_t id : {task, int64_t{999}}) {
    message.mutable_heartbeat()->add_task_ids(id);
    message.mutable_heartbeat()->add_lease_epochs(1);
  }
  client->Write(message);
  const v1::ServerMessage answer = client->Read();
  EXPECT_EQ(answer.leases_renewed().sequence(), 4);
  ASSERT_EQ(answer.leases_renewed().lost_size(), 1);
  EXPECT_EQ(answer.leases_renewed().lost(0).task_id(), 999);
  client->Leave();
}

TEST_F(WorkerStreamTest, AHeartbeatThatDoesNotAddUpEndsTheStream) {
  const auto client = Connect();
  v1::WorkerMessage message;
  message.mutable_heartbeat()->add_task_ids(1);
  client->Write(message);
  EXPECT_EQ(client->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// The answers come in the order of the requests: what is not the worker's is not answered.
TEST_F(WorkerStreamTest, AScriptGoesOnlyToAWorkerThatHoldsATaskOfIt) {
  const int64_t own = AddPayload(AddInstance("a"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(own));
  const int64_t others = AddPayload(AddInstance("b"), "/x");
  ASSERT_THAT(Claim(1), ElementsAre(others));
  Do([](storage::Connection& c) {
    return storage::script_store::Put(c, Sha256("secret"), "secret");
  });
  ASSERT_TRUE(Sql("UPDATE deployments SET script_sha256 = sha256('secret') WHERE id = 2;"
                  " UPDATE tasks SET worker = 'other' WHERE id = 2")
                  .ok());
  const auto client = Connect("w");
  client->AskForScript("secret");
  client->AskForScript("unknown");
  client->AskForScript("x");
  const v1::ServerMessage answer = client->Read();
  EXPECT_EQ(answer.script().sha256(), Sha256("x"));
  EXPECT_EQ(answer.script().content(), "x");
  Do([](storage::Connection& c) -> absl::Status {
    ASSIGN_OR_RETURN(const auto result, c.Execute("SELECT name || ' ' || version FROM workers"));
    EXPECT_EQ(result.rows(), 1);
    EXPECT_EQ(result.Text(0, 0), "w 1") << "noted before the first script";
    return absl::OkStatus();
  });
  client->Leave();
}

TEST_F(WorkerStreamTest, WhatIsSentToTheWorkerArrivesInOrder) {
  const auto client = Connect("w", 1);
  const auto slots = registry_.TakeCredit(1);
  ASSERT_EQ(slots.size(), 1u);
  for (int64_t task = 1; task <= 50; ++task) {
    v1::ServerMessage message;
    message.mutable_assignment()->set_task_id(task);
    ASSERT_TRUE(registry_.Send(slots[0].key, message));
  }
  for (int64_t task = 1; task <= 50; ++task) {
    EXPECT_EQ(client->Read().assignment().task_id(), task);
  }
  client->Leave();
  EXPECT_FALSE(registry_.Send(slots[0].key, {})) << "it has left";
}

TEST_F(WorkerStreamTest, ADrainIsToldToThoseWhoAreThereAndThoseWhoCome) {
  const auto early = Connect("early");
  registry_.BeginDrain();
  EXPECT_TRUE(early->Read().has_drain());
  const auto late = Connect("late");
  EXPECT_TRUE(late->Read().has_drain());
  EXPECT_FALSE(registry_.HasCredit());
  early->Leave();
  late->Leave();
}

}  // namespace
}  // namespace longshore::executor
