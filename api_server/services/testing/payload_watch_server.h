// A service in this process of which nothing but WatchPayload can be called, and its client.
#ifndef LONGSHORE_API_SERVER_SERVICES_TESTING_PAYLOAD_WATCH_SERVER_H_
#define LONGSHORE_API_SERVER_SERVICES_TESTING_PAYLOAD_WATCH_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <utility>

#include "longshore/v1/payload_service.grpc.pb.h"

namespace longshore::services {

// One watch at most. Everything that `start` uses must outlive it.
class PayloadWatchServer {
 public:
  using Reactor = grpc::ServerWriteReactor<v1::PayloadEvent>;

  // `start` begins each call's stream.
  explicit PayloadWatchServer(std::function<Reactor*(const v1::WatchPayloadRequest&)> start)
      : service_(std::move(start)) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::PayloadService::NewStub(server_->InProcessChannel({}));
  }

  grpc::ClientContext& context() { return context_; }
  void Watch(const v1::WatchPayloadRequest& request = {}) {
    reader_ = stub_->WatchPayload(&context_, request);
  }
  grpc::ClientReader<v1::PayloadEvent>& reader() { return *reader_; }
  // Waits for the end of the streams: cancel the watch, and stop who serves it, before.
  void Shutdown() { server_->Shutdown(); }

 private:
  class Service final
      : public v1::PayloadService::WithCallbackMethod_WatchPayload<v1::PayloadService::Service> {
   public:
    explicit Service(std::function<Reactor*(const v1::WatchPayloadRequest&)> start)
        : start_(std::move(start)) {}
    Reactor* WatchPayload(grpc::CallbackServerContext* /*context*/,
                          const v1::WatchPayloadRequest* request) override {
      return start_(*request);
    }

   private:
    const std::function<Reactor*(const v1::WatchPayloadRequest&)> start_;
  };

  Service service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::PayloadService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::PayloadEvent>> reader_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_TESTING_PAYLOAD_WATCH_SERVER_H_
