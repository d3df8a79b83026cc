// A worker that is none: it says hello, then whatever --attack says, and connects anew when the
// server has had enough.
#include <gflags/gflags.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include "tests/harness/tls_flags.h"
#include "tests/hostile/worker_messages.h"

DEFINE_string(server, "", "HOST:PORT that workers dial.");
DEFINE_string(attack, "fuzz", "fuzz, heartbeats or scripts.");
DEFINE_int64(messages, 1000000, "How many messages are sent, hello not counted.");
DEFINE_uint64(seed, 1, "Decides what is sent.");
DEFINE_bool(reads, true, "Whether it reads what it is told.");
DEFINE_string(sha256, "", "In hexadecimal digits: the script that it asks for.");

namespace longshore::hostile {
namespace {

grpc::ByteBuffer Buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// One stream, with one write and one read outstanding at most.
class Stream {
 public:
  Stream(grpc::GenericStub* stub, bool reads) : reads_(reads) {
    call_ = stub->PrepareCall(&context_, "/longshore.v1.WorkerService/Connect", &queue_);
    call_->StartCall(Tag(kStart));
    Wait(kStart);
    if (reads_) call_->Read(&incoming_, Tag(kRead));
  }

  ~Stream() {
    context_.TryCancel();
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // False once the stream is over.
  bool Write(const std::string& bytes) {
    if (!open_) return false;
    const bool flush = ++written_ % kTogether == 0;
    grpc::WriteOptions options;
    if (!flush) options.set_buffer_hint();
    call_->Write(Buffer(bytes), options, Tag(kWrite));
    if (!Wait(kWrite)) return false;
    if (reads_ && flush) TakeWhatHasCome();
    return open_;
  }

 private:
  enum Operation { kStart, kRead, kWrite };
  void* Tag(Operation operation) { return &tags_[operation]; }

  // Until that operation is done; whether it was good.
  bool Wait(Operation operation) {
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
      if (tag == Tag(kRead)) ReadDone(ok);
      if (tag == Tag(operation)) return ok;
    }
    return false;
  }

  // A write is done before it is sent, so waiting for writes alone never looks at the network.
  void TakeWhatHasCome() {
    void* tag;
    bool ok;
    while (queue_.AsyncNext(&tag, &ok, std::chrono::system_clock::now()) ==
           grpc::CompletionQueue::GOT_EVENT) {
      ReadDone(ok);
    }
  }

  void ReadDone(bool ok) {
    open_ = open_ && ok;
    if (ok) call_->Read(&incoming_, Tag(kRead));
  }

  // So many messages go to the network at once, to cost it and the server no more than they must.
  static constexpr int kTogether = 64;

  const bool reads_;
  char tags_[3];  // Only their addresses count, by which gRPC tells one operation from the next.
  bool open_ = true;
  int64_t written_ = 0;
  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  grpc::ByteBuffer incoming_;
};

std::string FromHex(const std::string& digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// The same message again and again.
std::function<std::string()> Repeat(const v1::WorkerMessage& message) {
  return [bytes = message.SerializeAsString()] { return bytes; };
}

std::function<std::string()> Attack(WorkerMessages* messages) {
  v1::WorkerMessage message;
  if (FLAGS_attack == "fuzz") return [messages] { return messages->Next(); };
  if (FLAGS_attack == "heartbeats") {
    message.mutable_heartbeat()->set_sequence(1);
    for (int i = 1; i <= 300; ++i) {
      message.mutable_heartbeat()->add_task_ids(i);
      message.mutable_heartbeat()->add_lease_epochs(1);
    }
    return Repeat(message);
  }
  if (FLAGS_attack == "scripts") {
    message.mutable_script_request()->set_sha256(FromHex(FLAGS_sha256));
    return Repeat(message);
  }
  return nullptr;
}

int Main() {
  WorkerMessages messages(FLAGS_seed);
  const auto next = Attack(&messages);
  if (next == nullptr) {
    fprintf(stderr, "no attack '%s'\n", FLAGS_attack.c_str());
    return 1;
  }
  grpc::GenericStub stub(grpc::CreateChannel(FLAGS_server, harness::CredentialsFromFlags()));
  std::unique_ptr<Stream> stream;
  int64_t streams = 0;
  for (int64_t sent = 0; sent < FLAGS_messages; ++sent) {
    while (stream == nullptr || !stream->Write(next())) {
      stream = std::make_unique<Stream>(&stub, FLAGS_reads);
      ++streams;
      if (!stream->Write(messages.Hello().SerializeAsString())) stream = nullptr;
    }
    if (sent % 100 == 0) {
      printf("sent %lld\n", static_cast<long long>(sent));
      fflush(stdout);
    }
  }
  printf("sent all in %lld streams\n", static_cast<long long>(streams));
  fflush(stdout);
  // What was not read stays with the server, as long as it lets it.
  if (!FLAGS_reads) pause();
  return 0;
}

}  // namespace
}  // namespace longshore::hostile

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return longshore::hostile::Main();
}
