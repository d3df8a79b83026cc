#include "cli/client.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/mutex.h"
#include "longshore/v1/payload_service.grpc.pb.h"

namespace longshore::cli {
namespace {

// Cancels the first calls as gRPC does while a server closes its port, and answers those after
// them.
class ClosingServer : public v1::PayloadService::Service {
 public:
  explicit ClosingServer(int cancelled) : cancelled_(cancelled) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  std::vector<std::string> request_ids() const ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(&mutex_);
    return request_ids_;
  }

  grpc::Status RetryDeployment(grpc::ServerContext* /*context*/,
                               const v1::RetryDeploymentRequest* request,
                               v1::DeployPayloadResponse* response) override {
    MutexLock lock(&mutex_);
    request_ids_.push_back(request->request_id());
    if (static_cast<int>(request_ids_.size()) <= cancelled_) return Closing();
    response->set_deployment_id(request->deployment_id());
    return grpc::Status::OK;
  }

  grpc::Status GetPayloadStatus(grpc::ServerContext* /*context*/,
                                const v1::GetPayloadStatusRequest* /*request*/,
                                v1::Payload* /*response*/) override {
    return Closing();
  }

 private:
  static grpc::Status Closing() { return {grpc::StatusCode::CANCELLED, "CANCELLED"}; }

  const int cancelled_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  mutable Mutex mutex_;
  std::vector<std::string> request_ids_ ABSL_GUARDED_BY(mutex_);
};

TEST(ClientTest, RepeatsAWriteThatAClosingServerCancelled) {
  ClosingServer server(1);
  Client client({.api = server.address(), .insecure = true}, std::chrono::seconds(30));
  v1::RetryDeploymentRequest request;
  request.set_deployment_id(7);
  const auto answer = client.RetryDeployment(request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->deployment_id(), 7);
  const std::vector<std::string> ids = server.request_ids();
  ASSERT_EQ(ids.size(), 2U);
  EXPECT_EQ(ids[0], ids[1]) << "the same request";
  EXPECT_FALSE(ids[0].empty());
}

TEST(ClientTest, SaysThatAClosingServerIsNotReached) {
  ClosingServer server(0);
  Client client({.api = server.address(), .insecure = true}, std::chrono::seconds(30));
  const auto answer = client.GetPayloadStatus({});
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable) << answer.status();
}

}  // namespace
}  // namespace longshore::cli
