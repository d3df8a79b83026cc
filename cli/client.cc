#include "cli/client.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <thread>

#include "cli/server_error.h"
#include "common/backoff.h"
#include "common/grpc_callbacks.h"
#include "common/random.h"
#include "common/tls.h"
#include "longshore/v1/access_service.grpc.pb.h"
#include "longshore/v1/instance_service.grpc.pb.h"
#include "longshore/v1/payload_service.grpc.pb.h"
#include "longshore/v1/task_service.grpc.pb.h"

namespace longshore::cli {

struct Client::Stubs {
  v1::InstanceService::Stub instances;
  v1::PayloadService::Stub payloads;
  v1::TaskService::Stub tasks;
  v1::AccessService::Stub access;
};

namespace {

// The contract's (docs/cli.md, "Repeating").
constexpr std::chrono::milliseconds kRepeatFor{30000};
constexpr BackoffOptions kRepeatBackoff{.initial = std::chrono::milliseconds(200),
                                        .maximum = std::chrono::milliseconds(3000)};

std::shared_ptr<grpc::ChannelCredentials> Credentials(const ServerAccess& access) {
  return access.insecure ? grpc::InsecureChannelCredentials()
                         : MakeChannelCredentials({access.cert, access.key, access.ca});
}

std::shared_ptr<grpc::Channel> Connect(const ServerAccess& access) {
  grpc::ChannelArguments arguments;
  // A host that went away says nothing: a watch would wait for it for ever.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A proxy would get the token to read.
  if (access.insecure) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(access.api, Credentials(access), arguments);
}

// Nobody cancels the calls of this client. gRPC does, to those that reach a server which is closing
// its port: none of them has been looked at, so they are as good as not sent.
grpc::Status AsNotReached(const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::CANCELLED) return status;
  return {grpc::StatusCode::UNAVAILABLE, "the server is going away"};
}

}  // namespace

Client::Client(const ServerAccess& access, std::chrono::milliseconds deadline)
    : token_(access.token),
      deadline_(deadline),
      channel_(Connect(access)),
      stubs_(new Stubs{v1::InstanceService::Stub(channel_), v1::PayloadService::Stub(channel_),
                       v1::TaskService::Stub(channel_), v1::AccessService::Stub(channel_)}) {
  KeepCallbackQueue(channel_);
}

Client::~Client() = default;

void Client::Authorize(grpc::ClientContext* context) const {
  if (!token_.empty()) context->AddMetadata("authorization", "Bearer " + token_);
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Client::Call(Stub* stub,
                                      grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                   const Request&, Response*),
                                      const Request& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + deadline_);
  Authorize(&context);
  Response response;
  const grpc::Status status = AsNotReached((stub->*method)(&context, request, &response));
  if (!status.ok()) return ServerError(status);
  Reached();
  return response;
}

template <typename Stub, typename Request, typename Response>
absl::StatusOr<Response> Client::Write(Stub* stub,
                                       grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                    const Request&, Response*),
                                       Request request) {
  if constexpr (requires { request.request_id(); }) {
    if (request.request_id().empty()) request.set_request_id(RandomHex(16));
  }
  const auto give_up = std::chrono::steady_clock::now() + std::min(kRepeatFor, deadline_);
  for (int failures = 1;; ++failures) {
    absl::StatusOr<Response> response = Call(stub, method, request);
    if (!absl::IsUnavailable(response.status())) return response;
    const auto next =
        std::chrono::steady_clock::now() + BackoffDelay(kRepeatBackoff, failures, UniformRandom());
    if (next >= give_up) return response;
    std::this_thread::sleep_until(next);
  }
}

absl::StatusOr<v1::Instance> Client::RegisterInstance(const v1::RegisterInstanceRequest& request) {
  return Write(&stubs_->instances, &v1::InstanceService::Stub::RegisterInstance, request);
}

absl::StatusOr<v1::CreateInstanceResponse> Client::CreateInstance(
    const v1::CreateInstanceRequest& request) {
  return Write(&stubs_->instances, &v1::InstanceService::Stub::CreateInstance, request);
}

absl::StatusOr<v1::Instance> Client::GetInstance(const v1::GetInstanceRequest& request) {
  return Call(&stubs_->instances, &v1::InstanceService::Stub::GetInstance, request);
}

absl::StatusOr<v1::ListInstancesResponse> Client::ListInstances(
    const v1::ListInstancesRequest& request) {
  return Call(&stubs_->instances, &v1::InstanceService::Stub::ListInstances, request);
}

absl::StatusOr<v1::UpdateInstanceResponse> Client::UpdateInstance(
    const v1::UpdateInstanceRequest& request) {
  return Write(&stubs_->instances, &v1::InstanceService::Stub::UpdateInstance, request);
}

absl::StatusOr<v1::TerminateInstanceResponse> Client::TerminateInstance(
    const v1::TerminateInstanceRequest& request) {
  return Write(&stubs_->instances, &v1::InstanceService::Stub::TerminateInstance, request);
}

absl::StatusOr<v1::DeployPayloadResponse> Client::DeployPayload(
    const v1::DeployPayloadRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::DeployPayload, request);
}

absl::StatusOr<v1::ExecutePayloadResponse> Client::ExecutePayload(
    const v1::ExecutePayloadRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::ExecutePayload, request);
}

absl::StatusOr<v1::Payload> Client::GetPayloadStatus(const v1::GetPayloadStatusRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::GetPayloadStatus, request);
}

absl::StatusOr<v1::ListInstancePayloadsResponse> Client::ListInstancePayloads(
    const v1::ListInstancePayloadsRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::ListInstancePayloads, request);
}

absl::StatusOr<v1::ListPayloadsResponse> Client::ListPayloads(
    const v1::ListPayloadsRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::ListPayloads, request);
}

absl::StatusOr<v1::ReadPayloadOutputResponse> Client::ReadPayloadOutput(
    const v1::ReadPayloadOutputRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::ReadPayloadOutput, request);
}

absl::StatusOr<v1::GetScriptResponse> Client::GetScript(const v1::GetScriptRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::GetScript, request);
}

absl::StatusOr<v1::Payload> Client::CancelPayload(const v1::CancelPayloadRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::CancelPayload, request);
}

absl::StatusOr<v1::Deployment> Client::GetDeployment(const v1::GetDeploymentRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::GetDeployment, request);
}

absl::StatusOr<v1::ListDeploymentsResponse> Client::ListDeployments(
    const v1::ListDeploymentsRequest& request) {
  return Call(&stubs_->payloads, &v1::PayloadService::Stub::ListDeployments, request);
}

absl::StatusOr<v1::Deployment> Client::CancelDeployment(
    const v1::CancelDeploymentRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::CancelDeployment, request);
}

absl::StatusOr<v1::Deployment> Client::PauseDeployment(const v1::PauseDeploymentRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::PauseDeployment, request);
}

absl::StatusOr<v1::Deployment> Client::ResumeDeployment(
    const v1::ResumeDeploymentRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::ResumeDeployment, request);
}

absl::StatusOr<v1::DeployPayloadResponse> Client::RetryDeployment(
    const v1::RetryDeploymentRequest& request) {
  return Write(&stubs_->payloads, &v1::PayloadService::Stub::RetryDeployment, request);
}

absl::StatusOr<v1::Task> Client::GetTask(const v1::GetTaskRequest& request) {
  return Call(&stubs_->tasks, &v1::TaskService::Stub::GetTask, request);
}

absl::StatusOr<v1::GetTaskLogResponse> Client::GetTaskLog(const v1::GetTaskLogRequest& request) {
  return Call(&stubs_->tasks, &v1::TaskService::Stub::GetTaskLog, request);
}

absl::StatusOr<v1::ListTasksResponse> Client::ListTasks(const v1::ListTasksRequest& request) {
  return Call(&stubs_->tasks, &v1::TaskService::Stub::ListTasks, request);
}

absl::StatusOr<v1::ListWorkersResponse> Client::ListWorkers(const v1::ListWorkersRequest& request) {
  return Call(&stubs_->tasks, &v1::TaskService::Stub::ListWorkers, request);
}

// A token that was made twice would be one too many that counts: it is not repeated.
absl::StatusOr<v1::CreateTokenResponse> Client::CreateToken(const v1::CreateTokenRequest& request) {
  return Call(&stubs_->access, &v1::AccessService::Stub::CreateToken, request);
}

absl::StatusOr<v1::ListTokensResponse> Client::ListTokens(const v1::ListTokensRequest& request) {
  return Call(&stubs_->access, &v1::AccessService::Stub::ListTokens, request);
}

absl::StatusOr<v1::Token> Client::RevokeToken(const v1::RevokeTokenRequest& request) {
  return Write(&stubs_->access, &v1::AccessService::Stub::RevokeToken, request);
}

absl::StatusOr<v1::ListAuditEventsResponse> Client::ListAuditEvents(
    const v1::ListAuditEventsRequest& request) {
  return Call(&stubs_->access, &v1::AccessService::Stub::ListAuditEvents, request);
}

}  // namespace longshore::cli
