// The calls of the api_server, without gRPC's headers.
#ifndef LONGSHORE_CLI_CLIENT_H_
#define LONGSHORE_CLI_CLIENT_H_

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cli/server_access.h"
#include "longshore/v1/access_service.pb.h"
#include "longshore/v1/instance_service.pb.h"
#include "longshore/v1/payload_service.pb.h"
#include "longshore/v1/task_service.pb.h"

namespace grpc {
class Channel;
class ClientContext;
class Status;
}  // namespace grpc

namespace longshore::cli {

// Thread-safe. A call that changes something is repeated for up to 30 s, or the deadline if that is
// shorter, while the api_server cannot be reached or its database is away. Where the call takes a
// request_id, this class sets one if the caller did not, so that the call takes effect once.
// Errors: those of ServerError (server_error.h).
class Client {
 public:
  // Does not connect yet. `deadline` is how long the answer to a call, or the first event of a
  // stream, may take.
  Client(const ServerAccess& access, std::chrono::milliseconds deadline);
  ~Client();

  absl::StatusOr<v1::Instance> RegisterInstance(const v1::RegisterInstanceRequest& request);
  absl::StatusOr<v1::CreateInstanceResponse> CreateInstance(
      const v1::CreateInstanceRequest& request);
  absl::StatusOr<v1::Instance> GetInstance(const v1::GetInstanceRequest& request);
  absl::StatusOr<v1::ListInstancesResponse> ListInstances(const v1::ListInstancesRequest& request);
  absl::StatusOr<v1::UpdateInstanceResponse> UpdateInstance(
      const v1::UpdateInstanceRequest& request);
  absl::StatusOr<v1::TerminateInstanceResponse> TerminateInstance(
      const v1::TerminateInstanceRequest& request);

  absl::StatusOr<v1::DeployPayloadResponse> DeployPayload(const v1::DeployPayloadRequest& request);
  absl::StatusOr<v1::ExecutePayloadResponse> ExecutePayload(
      const v1::ExecutePayloadRequest& request);
  absl::StatusOr<v1::Payload> GetPayloadStatus(const v1::GetPayloadStatusRequest& request);
  absl::StatusOr<v1::ListInstancePayloadsResponse> ListInstancePayloads(
      const v1::ListInstancePayloadsRequest& request);
  absl::StatusOr<v1::ListPayloadsResponse> ListPayloads(const v1::ListPayloadsRequest& request);
  absl::StatusOr<v1::ReadPayloadOutputResponse> ReadPayloadOutput(
      const v1::ReadPayloadOutputRequest& request);
  absl::StatusOr<v1::GetScriptResponse> GetScript(const v1::GetScriptRequest& request);
  absl::StatusOr<v1::Payload> CancelPayload(const v1::CancelPayloadRequest& request);

  absl::StatusOr<v1::Deployment> GetDeployment(const v1::GetDeploymentRequest& request);
  absl::StatusOr<v1::ListDeploymentsResponse> ListDeployments(
      const v1::ListDeploymentsRequest& request);
  absl::StatusOr<v1::Deployment> CancelDeployment(const v1::CancelDeploymentRequest& request);
  absl::StatusOr<v1::Deployment> PauseDeployment(const v1::PauseDeploymentRequest& request);
  absl::StatusOr<v1::Deployment> ResumeDeployment(const v1::ResumeDeploymentRequest& request);
  absl::StatusOr<v1::DeployPayloadResponse> RetryDeployment(
      const v1::RetryDeploymentRequest& request);

  absl::StatusOr<v1::Task> GetTask(const v1::GetTaskRequest& request);
  absl::StatusOr<v1::GetTaskLogResponse> GetTaskLog(const v1::GetTaskLogRequest& request);
  absl::StatusOr<v1::ListTasksResponse> ListTasks(const v1::ListTasksRequest& request);
  absl::StatusOr<v1::ListWorkersResponse> ListWorkers(const v1::ListWorkersRequest& request);

  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens(const v1::ListTokensRequest& request);
  absl::StatusOr<v1::Token> RevokeToken(const v1::RevokeTokenRequest& request);
  absl::StatusOr<v1::ListAuditEventsResponse> ListAuditEvents(
      const v1::ListAuditEventsRequest& request);

  // Adds the token to a call. For streams; the calls above do it themselves.
  void Authorize(grpc::ClientContext* context) const;
  std::chrono::milliseconds deadline() const { return deadline_; }
  // Returns whether the api_server has ever answered. One that never did is not worth another try.
  bool reached() const { return reached_; }
  // Called by streams when the api_server answers.
  void Reached() { reached_ = true; }
  // The channel, for streams; see follow.h.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  struct Stubs;
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub* stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request);
  // Does the same for calls that change something, and repeats them.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Write(Stub* stub,
                                 grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                              Response*),
                                 Request request);

  const std::string token_;
  const std::chrono::milliseconds deadline_;
  std::atomic<bool> reached_{false};
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<Stubs> stubs_;
};

}  // namespace longshore::cli

#endif  // LONGSHORE_CLI_CLIENT_H_
