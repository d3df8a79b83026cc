// Asks an api_server for the status of one payload, again and again, and says how often it could.
#include <gflags/gflags.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "longshore/v1/payload_service.grpc.pb.h"
#include "tests/harness/tls_flags.h"

DEFINE_string(server, "", "HOST:PORT of an api_server.");
DEFINE_string(token, "", "The caller's token; without it the calls are without TLS.");
DEFINE_int64(payload_id, 1, "The payload.");
DEFINE_int32(threads, 8, "How many calls at a time, each over a connection of its own.");
DEFINE_int32(seconds, 5, "For how long.");
DEFINE_bool(fresh, false, "Whether every call makes a new connection.");

namespace longshore {
namespace {

using Clock = std::chrono::steady_clock;

std::unique_ptr<v1::PayloadService::Stub> Connect() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return v1::PayloadService::NewStub(grpc::CreateCustomChannel(
      FLAGS_server,
      FLAGS_token.empty() ? grpc::InsecureChannelCredentials() : harness::CredentialsFromFlags(),
      arguments));
}

bool Ask(v1::PayloadService::Stub* stub) {
  grpc::ClientContext context;
  if (!FLAGS_token.empty()) context.AddMetadata("authorization", "Bearer " + FLAGS_token);
  context.set_wait_for_ready(true);
  v1::GetPayloadStatusRequest request;
  request.set_payload_id(FLAGS_payload_id);
  v1::Payload payload;
  const grpc::Status status = stub->GetPayloadStatus(&context, request, &payload);
  if (!status.ok()) fprintf(stderr, "%s\n", status.error_message().c_str());
  return status.ok();
}

int Main() {
  std::atomic<int64_t> calls = 0;
  std::atomic<bool> failed = false;
  const auto begun = Clock::now();
  const auto end = begun + std::chrono::seconds(FLAGS_seconds);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(FLAGS_threads));
  for (int i = 0; i < FLAGS_threads; ++i) {
    threads.emplace_back([&] {
      auto stub = Connect();
      while (!failed && Clock::now() < end) {
        if (FLAGS_fresh) stub = Connect();
        if (!Ask(stub.get())) failed = true;
        ++calls;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> taken = Clock::now() - begun;
  printf("calls=%lld seconds=%.3f\n", static_cast<long long>(calls), taken.count());
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace longshore

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, /*remove_flags=*/true);
  return longshore::Main();
}
