// An api_server for tests of the worker; the test decides what it answers.
#ifndef LONGSHORE_PAYLOAD_WORKER_LINK_TESTING_FAKE_SERVER_H_
#define LONGSHORE_PAYLOAD_WORKER_LINK_TESTING_FAKE_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/mutex.h"
#include "longshore/v1/worker_service.grpc.pb.h"

namespace longshore {

// The server's end of one stream. One thread of the test uses it.
class FakeServerStream {
 public:
  using Stream = grpc::ServerReaderWriter<v1::ServerMessage, v1::WorkerMessage>;
  explicit FakeServerStream(Stream* stream) : stream_(*stream) {}

  // Waits for the next message. Returns one without a kind when the stream has ended.
  v1::WorkerMessage Read() {
    v1::WorkerMessage message;
    if (!stream_.Read(&message)) return {};
    return message;
  }
  // Returns the next message that is not a heartbeat.
  v1::WorkerMessage ReadBesidesHeartbeats() {
    v1::WorkerMessage message = Read();
    while (message.has_heartbeat()) message = Read();
    return message;
  }
  void Write(const v1::ServerMessage& message) { stream_.Write(message); }
  void Welcome(std::chrono::milliseconds lease_duration, bool lease_groups = false) {
    v1::ServerMessage message;
    message.mutable_welcome()->set_lease_groups(lease_groups);
    auto* duration = message.mutable_welcome()->mutable_lease_duration();
    duration->set_seconds(lease_duration.count() / 1000);
    duration->set_nanos(static_cast<int32_t>(lease_duration.count() % 1000 * 1000000));
    Write(message);
  }
  void Acknowledge(uint64_t sequence) {
    v1::ServerMessage message;
    message.mutable_acknowledge()->set_sequence(sequence);
    Write(message);
  }
  // Waits until the worker has ended the stream.
  void AwaitLeft() {
    v1::WorkerMessage message;
    while (stream_.Read(&message)) {
    }
  }

  // Ends the stream. No other function may be called afterwards.
  void End() {
    MutexLock lock(&mutex_);
    ended_ = true;
    changed_.NotifyAll();
  }
  void AwaitEnd() {
    MutexLock lock(&mutex_);
    while (!ended_) changed_.Wait(&mutex_);
  }

 private:
  Stream& stream_;
  Mutex mutex_;
  CondVar changed_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// Listens on a port of loopback. Workers must have left before it is destroyed.
class FakeServer : public v1::WorkerService::Service {
 public:
  FakeServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address_ = "127.0.0.1:" + std::to_string(port);
  }
  ~FakeServer() override {
    {
      MutexLock lock(&mutex_);
      for (const auto& stream : streams_) stream->End();
    }
    server_->Shutdown();
  }

  const std::string& address() const { return address_; }

  // Waits for the next worker that connects.
  std::shared_ptr<FakeServerStream> Accept() {
    MutexLock lock(&mutex_);
    while (accepted_ == streams_.size()) changed_.Wait(&mutex_);
    return streams_[accepted_++];
  }

  grpc::Status Connect(grpc::ServerContext* /*context*/,
                       FakeServerStream::Stream* stream) override {
    const auto mine = std::make_shared<FakeServerStream>(stream);
    {
      MutexLock lock(&mutex_);
      streams_.push_back(mine);
      changed_.NotifyAll();
    }
    mine->AwaitEnd();
    return grpc::Status::OK;
  }

 private:
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::shared_ptr<FakeServerStream>> streams_ ABSL_GUARDED_BY(mutex_);
  size_t accepted_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace longshore

#endif  // LONGSHORE_PAYLOAD_WORKER_LINK_TESTING_FAKE_SERVER_H_
