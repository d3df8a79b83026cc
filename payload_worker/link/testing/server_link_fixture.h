// A worker's end of the stream, and what it tells, for tests that play the server over real gRPC.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_TESTING_SERVER_LINK_FIXTURE_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_TESTING_SERVER_LINK_FIXTURE_H_

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/mutex.h"
#include "payload_worker/link/server_link.h"
#include "payload_worker/link/testing/fake_server.h"

namespace longshore {

inline constexpr LeaseKey kKey{.task_id = 7, .lease_epoch = 2};
inline constexpr std::chrono::milliseconds kLease{12500};

// It stands still until the test sets it.
class FakeClock : public Clock {
 public:
  std::chrono::nanoseconds SinceBoot() const override { return now_.load(); }
  void Advance(std::chrono::nanoseconds time) { now_ = now_.load() + time; }

 private:
  std::atomic<std::chrono::nanoseconds> now_ = std::chrono::nanoseconds(std::chrono::seconds(1000));
};

class ServerLinkFixture : public ::testing::Test {
 protected:
  ~ServerLinkFixture() override { link_->Shutdown(); }

  void Start(const std::vector<std::string>& servers) {
    link_ = std::make_unique<ServerLink>(
        ServerLinkOptions{.servers = servers,
                          .name = "w",
                          .version = "1.2",
                          .credentials = grpc::InsecureChannelCredentials(),
                          .clock = &clock_,
                          .reconnect_delay =
                              [this](int failures) {
                                Note("failed " + std::to_string(failures));
                                return std::chrono::milliseconds(0);
                              }},
        &outbox_, &leases_,
        ServerLinkHandlers{
            .on_assignment =
                [this](const v1::Assignment& assignment) {
                  Note("assignment " + std::to_string(assignment.payload_id()));
                },
            .on_cancel =
                [this](int64_t task_id, bool unless_started) {
                  Note((unless_started ? "recall " : "cancel ") + std::to_string(task_id));
                },
            .on_lost = [this](const LeaseKey& key) { Note("lost " + std::to_string(key.task_id)); },
            .on_committed =
                [this](const v1::TaskEvent& event) {
                  Note("committed " + std::to_string(event.sequence()));
                },
            .on_script = [this](const v1::Script& script) { Note("script " + script.content()); },
            .on_host_key =
                [this](const v1::HostKeyDecision& decision) {
                  Note("host key " + decision.host_key());
                },
            .on_connected = [this] { Note("connected"); },
            .capacity = [this] { return capacity_.load(); }});
    link_->Start();
  }
  // The next stream, with its hello read.
  static std::shared_ptr<FakeServerStream> Accept(FakeServer& server) {
    auto stream = server.Accept();
    EXPECT_TRUE(stream->Read().has_hello());
    return stream;
  }
  // A link to `server_` that is welcome.
  std::shared_ptr<FakeServerStream> Connect() {
    Start({server_.address()});
    auto stream = Accept(server_);
    stream->Welcome(kLease);
    EXPECT_EQ(NextNote(), "connected");
    return stream;
  }

  void AddExecuting() {
    v1::TaskEvent event;
    event.mutable_executing();
    outbox_.Add(kKey, std::move(event));
  }
  void AddLast() {
    v1::TaskEvent event;
    event.mutable_finished();
    outbox_.AddLast(kKey, std::move(event));
  }
  static std::vector<uint64_t> ReadSequences(FakeServerStream& stream, size_t count) {
    std::vector<uint64_t> sequences;
    while (sequences.size() < count) {
      const v1::WorkerMessage message = stream.ReadBesidesHeartbeats();
      EXPECT_TRUE(message.has_events());
      if (!message.has_events()) break;
      for (const v1::TaskEvent& event : message.events().events()) {
        sequences.push_back(event.sequence());
      }
    }
    return sequences;
  }
  static v1::ServerMessage Assignment(const LeaseKey& key) {
    v1::ServerMessage message;
    message.mutable_assignment()->set_task_id(key.task_id);
    message.mutable_assignment()->set_lease_epoch(key.lease_epoch);
    message.mutable_assignment()->set_payload_id(70);
    return message;
  }
  // Waits for a heartbeat that names a lease; answers the others.
  static v1::Heartbeat ReadHeartbeat(FakeServerStream& stream) {
    v1::WorkerMessage message = stream.Read();
    while (message.kind_case() != v1::WorkerMessage::KIND_NOT_SET &&
           message.heartbeat().task_ids_size() == 0) {
      v1::ServerMessage answer;
      answer.mutable_leases_renewed()->set_sequence(message.heartbeat().sequence());
      if (message.has_heartbeat()) stream.Write(answer);
      message = stream.Read();
    }
    return message.heartbeat();
  }

  // Waits for the next call of a handler.
  std::string NextNote() {
    MutexLock lock(&mutex_);
    while (notes_.empty()) changed_.Wait(&mutex_);
    std::string note = std::move(notes_.front());
    notes_.pop_front();
    return note;
  }

  FakeServer server_;
  FakeClock clock_;
  std::atomic<int> capacity_ = 3;
  LeaseTable leases_{&clock_};
  Outbox outbox_{[this] {
    if (link_ != nullptr) link_->SendPending();
  }};
  std::unique_ptr<ServerLink> link_;

 private:
  void Note(const std::string& note) {
    MutexLock lock(&mutex_);
    notes_.push_back(note);
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> notes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_TESTING_SERVER_LINK_FIXTURE_H_
