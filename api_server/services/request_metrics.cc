#include "api_server/services/request_metrics.h"

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "api_server/services/trace_metadata.h"
#include "common/metrics.h"

namespace longshore::services {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

constexpr std::string_view kOurs = "/longshore.v1.";

struct RequestMetrics {
  prometheus::Family<metrics::Counter>& ended = metrics::Counters(
      "longshore_requests_total", "Calls of the public services that have ended, by gRPC's code.");
  prometheus::Family<metrics::Histogram>& durations = metrics::Histograms(
      "longshore_request_duration_seconds", "How long calls that are answered once have taken.");
  prometheus::Family<metrics::Gauge>& open =
      metrics::Gauges("longshore_requests_open", "Calls under way, watches among them.");
};

RequestMetrics& Metrics() {
  static auto* const kMetrics = new RequestMetrics();
  return *kMetrics;
}

// Whether only callers with access are answered so. Others are to leave no trace, neither by a
// request that cannot be read nor while tokens cannot be looked up.
bool ShowsAccess(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

class Interceptor : public grpc::experimental::Interceptor {
 public:
  explicit Interceptor(const ServerRpcInfo& info)
      : method_(NameOf(info.method())),
        answers_once_(info.type() == ServerRpcInfo::Type::UNARY),
        open_(Metrics().open.Add({{"method", method_}})),
        begun_(std::chrono::steady_clock::now()) {
    open_.Increment();
  }

  ~Interceptor() override {
    open_.Decrement();
    if (!ShowsAccess(code_)) traceparent_.clear();
    metrics::Increment(Metrics().ended,
                       {{"method", method_}, {"code", absl::StatusCodeToString(code_)}},
                       traceparent_);
    if (!answers_once_) return;
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun_;
    metrics::Observe(Metrics().durations, {{"method", method_}}, took.count(), traceparent_);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA)) {
      traceparent_ = TraceparentOf(*methods->GetRecvInitialMetadata());
    }
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      code_ = static_cast<absl::StatusCode>(methods->GetSendStatus().error_code());
    }
    methods->Proceed();
  }

 private:
  // "PayloadService.DeployPayload" of "/longshore.v1.PayloadService/DeployPayload".
  static std::string NameOf(std::string_view path) {
    std::string name(path.substr(kOurs.size()));
    name[name.find('/')] = '.';
    return name;
  }

  const std::string method_;
  const bool answers_once_;
  metrics::Gauge& open_;
  const std::chrono::steady_clock::time_point begun_;
  std::string traceparent_;
  // Of a call whose client has gone before it was answered.
  absl::StatusCode code_ = absl::StatusCode::kCancelled;
};

class Factory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return std::string_view(info->method()).starts_with(kOurs) ? new Interceptor(*info) : nullptr;
  }
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> CountRequests() {
  return std::make_unique<Factory>();
}

}  // namespace longshore::services
