#include "api_server/services/unreadable_requests.h"

#include <glog/logging.h>
#include <google/protobuf/stubs/logging.h>
#include <grpcpp/support/server_interceptor.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api_server/domain/errors.h"
#include "common/grpc_status.h"

namespace longshore::services {
namespace {

using grpc::experimental::InterceptionHookPoints;

constexpr std::string_view kOurs = "/longshore.v1.";
constexpr std::string_view kFieldPrefix = "String field '";

// The field that this thread last found to be no UTF-8: protobuf tells it to its log only.
thread_local std::string unreadable_field;

// "String field 'longshore.v1.Message.field' contains invalid UTF-8 data when parsing ..."
void LogOfProtobuf(google::protobuf::LogLevel /*level*/, const char* /*file*/, int /*line*/,
                   const std::string& message) {
  LOG(WARNING) << "protobuf: " << message;
  if (message.rfind(kFieldPrefix, 0) != 0) return;
  const std::string name = message.substr(
      kFieldPrefix.size(), message.find('\'', kFieldPrefix.size()) - kFieldPrefix.size());
  unreadable_field = name.substr(name.rfind('.') + 1);
}

absl::Status Unreadable(std::string_view method, const std::string& field) {
  return field.empty() ? domain::RequestUnreadable(method)
                       : domain::InvalidField(field, "", "is not valid UTF-8");
}

class Interceptor : public grpc::experimental::Interceptor {
 public:
  explicit Interceptor(const char* method) : method_(method) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    // By the thread that has just parsed it.
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_MESSAGE)) {
      unreadable_ = methods->GetRecvMessage() == nullptr;
      field_ = std::exchange(unreadable_field, "");
    }
    if (unreadable_ &&
        methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const grpc::StatusCode code = methods->GetSendStatus().error_code();
      // RESOURCE_EXHAUSTED is told before anything is read.
      if (code == grpc::StatusCode::INTERNAL || code == grpc::StatusCode::UNIMPLEMENTED) {
        methods->ModifySendStatus(ToGrpcStatus(Unreadable(method_, field_)));
      }
    }
    methods->Proceed();
  }

 private:
  const std::string method_;
  bool unreadable_ = false;
  std::string field_;
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    const std::string_view method = info->method();
    return method.rfind(kOurs, 0) == 0 ? new Interceptor(info->method()) : nullptr;
  }
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> RefuseUnreadableRequests() {
  google::protobuf::SetLogHandler(LogOfProtobuf);
  return std::make_unique<Factory>();
}

}  // namespace longshore::services
