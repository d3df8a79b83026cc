#include "api_server/http/rpc_client.h"

#include <glog/logging.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <chrono>
#include <utility>

#include "api_server/services/front_peer.h"
#include "common/grpc_status.h"
#include "common/trace_context.h"
#include "longshore/v1/access_service.pb.h"
#include "longshore/v1/instance_service.pb.h"
#include "longshore/v1/payload_service.pb.h"
#include "longshore/v1/task_service.pb.h"

namespace longshore::api_http {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;
using google::protobuf::ServiceDescriptor;
using Stub = grpc::TemplatedGenericStub<Message, Message>;

constexpr std::chrono::seconds kCallLimit{60};
constexpr size_t kMaxAuthorization = 1000;

std::vector<const ServiceDescriptor*> PublicServices() {
  return {v1::GetInstanceRequest::descriptor()->file()->service(0),
          v1::GetPayloadStatusRequest::descriptor()->file()->service(0),
          v1::GetTaskRequest::descriptor()->file()->service(0),
          v1::ListTokensRequest::descriptor()->file()->service(0)};
}

std::string PathOf(const MethodDescriptor& method) {
  return "/" + method.service()->full_name() + "/" + method.name();
}

// gRPC takes no other value for metadata. A value that it does not take is no token either.
bool MayBeMetadata(const std::string& value) {
  for (const char c : value) {
    if (c < ' ' || c > '~') return false;
  }
  return value.size() <= kMaxAuthorization;
}

void Introduce(const RpcCaller& caller, grpc::ClientContext* context) {
  for (const std::string& value : caller.authorization) {
    context->AddMetadata("authorization", MayBeMetadata(value) ? value : "?");
  }
  for (const std::string& value : caller.traceparent) {
    context->AddMetadata(kTraceparent, IsTraceparent(value) ? value : "?");
  }
  context->AddMetadata(services::kFrontPeerHeader, services::FrontPeerValue(caller.peer));
}

absl::Status GoingAway() { return absl::UnavailableError("the server is going away; try again"); }

struct UnaryCall {
  grpc::ClientContext context;
  std::unique_ptr<Message> request;
  std::unique_ptr<Message> response;
};

// Keeps itself until it is done.
class Stream : public RpcStream,
               public grpc::ClientBidiReactor<Message, Message>,
               public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::unique_ptr<Message> request, std::unique_ptr<Message> message,
         std::shared_ptr<RpcStreamReader> reader)
      : request_(std::move(request)), message_(std::move(message)), reader_(std::move(reader)) {}

  void Start(const std::shared_ptr<grpc::Channel>& channel, const MethodDescriptor& method,
             const RpcCaller& caller) {
    self_ = shared_from_this();
    Introduce(caller, &context_);
    Stub(channel).PrepareBidiStreamingCall(&context_, PathOf(method), {}, this);
    AddHold();  // Next is called from outside.
    StartWriteLast(request_.get(), {});
    StartCall();
  }

  void Next() override {
    MutexLock lock(&mutex_);
    if (!released_) StartRead(message_.get());
  }
  void Cancel() override {
    context_.TryCancel();
    Release();
  }

  // A message that was large keeps its room for as long as it is there: each gets one of its own.
  void OnReadDone(bool ok) override {
    if (!ok) return Release();
    const std::unique_ptr<Message> message =
        std::exchange(message_, std::unique_ptr<Message>(message_->New()));
    reader_->OnMessage(*message);
  }
  void OnDone(const grpc::Status& status) override {
    reader_->OnEnd(FromGrpcStatus(status));
    self_ = nullptr;
  }

 private:
  // Nothing is asked for any more.
  void Release() {
    {
      MutexLock lock(&mutex_);
      if (std::exchange(released_, true)) return;
    }
    RemoveHold();
  }

  grpc::ClientContext context_;
  const std::unique_ptr<Message> request_;
  std::unique_ptr<Message> message_;  // That is read next.
  const std::shared_ptr<RpcStreamReader> reader_;
  std::shared_ptr<Stream> self_;
  Mutex mutex_;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::vector<const MethodDescriptor*> PublicMethods() {
  std::vector<const MethodDescriptor*> methods;
  for (const ServiceDescriptor* service : PublicServices()) {
    for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
  }
  return methods;
}

const MethodDescriptor& PublicMethod(std::string_view name) {
  const size_t dot = name.find('.');
  for (const ServiceDescriptor* service : PublicServices()) {
    if (service->name() != name.substr(0, dot)) continue;
    return *service->FindMethodByName(std::string(name.substr(dot + 1)));
  }
  LOG(FATAL) << name << " is no public method";
}

std::unique_ptr<Message> NewMessage(const google::protobuf::Descriptor& type) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
}

void RpcClient::Call(const MethodDescriptor& method, const RpcCaller& caller,
                     std::unique_ptr<Message> request, Done done) {
  if (!MayBegin()) return done(GoingAway(), nullptr);
  auto call = std::make_shared<UnaryCall>();
  Introduce(caller, &call->context);
  call->context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
  call->request = std::move(request);
  call->response = NewMessage(*method.output_type());
  Stub(channel_).UnaryCall(&call->context, PathOf(method), {}, call->request.get(),
                           call->response.get(),
                           [call, done = std::move(done)](const grpc::Status& status) {
                             if (!status.ok()) call->response = nullptr;
                             done(FromGrpcStatus(status), std::move(call->response));
                           });
  Begun();
}

std::shared_ptr<RpcStream> RpcClient::Watch(const MethodDescriptor& method, const RpcCaller& caller,
                                            std::unique_ptr<Message> request,
                                            std::shared_ptr<RpcStreamReader> reader) {
  if (!MayBegin()) {
    reader->OnEnd(GoingAway());
    return nullptr;
  }
  auto stream = std::make_shared<Stream>(std::move(request), NewMessage(*method.output_type()),
                                         std::move(reader));
  stream->Start(channel_, method, caller);
  Begun();
  return stream;
}

void RpcClient::Close() {
  MutexLock lock(&mutex_);
  closed_ = true;
  while (beginning_ > 0) begun_.Wait(&mutex_);
}

bool RpcClient::MayBegin() {
  MutexLock lock(&mutex_);
  if (closed_) return false;
  ++beginning_;
  return true;
}

void RpcClient::Begun() {
  MutexLock lock(&mutex_);
  --beginning_;
  begun_.NotifyAll();
}

}  // namespace longshore::api_http
