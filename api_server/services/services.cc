#include "api_server/services/services.h"

#include <utility>

#include "api_server/services/deployment_watch.h"
#include "api_server/services/instance_watch.h"
#include "api_server/services/payload_watch.h"
#include "common/grpc_status.h"

namespace longshore::services {
namespace {

// Hands a domain call's answer to gRPC.
template <typename Response>
grpc::Status Answer(absl::StatusOr<Response> result, Response* response) {
  if (!result.ok()) return ToGrpcStatus(result.status());
  *response = *std::move(result);
  return grpc::Status::OK;
}

}  // namespace

grpc::Status InstanceServiceImpl::RegisterInstance(grpc::ServerContext* /*context*/,
                                                   const v1::RegisterInstanceRequest* request,
                                                   v1::Instance* response) {
  return Answer(instances_.Register(*request), response);
}

grpc::Status InstanceServiceImpl::CreateInstance(grpc::ServerContext* /*context*/,
                                                 const v1::CreateInstanceRequest* request,
                                                 v1::CreateInstanceResponse* response) {
  return Answer(creator_.Create(*request), response);
}

grpc::Status InstanceServiceImpl::GetInstance(grpc::ServerContext* /*context*/,
                                              const v1::GetInstanceRequest* request,
                                              v1::Instance* response) {
  return Answer(instances_.Get(request->instance_id()), response);
}

grpc::Status InstanceServiceImpl::ListInstances(grpc::ServerContext* /*context*/,
                                                const v1::ListInstancesRequest* request,
                                                v1::ListInstancesResponse* response) {
  return Answer(instances_.List(*request), response);
}

grpc::Status InstanceServiceImpl::UpdateInstance(grpc::ServerContext* /*context*/,
                                                 const v1::UpdateInstanceRequest* request,
                                                 v1::UpdateInstanceResponse* response) {
  return Answer(instances_.Update(*request), response);
}

grpc::Status InstanceServiceImpl::TerminateInstance(grpc::ServerContext* /*context*/,
                                                    const v1::TerminateInstanceRequest* request,
                                                    v1::TerminateInstanceResponse* response) {
  return Answer(instances_.Terminate(request->instance_id()), response);
}

grpc::ServerWriteReactor<v1::Instance>* InstanceServiceImpl::WatchInstances(
    grpc::CallbackServerContext* /*context*/, const v1::WatchInstancesRequest* request) {
  return StartInstanceWatch(&watches_, *request);
}

grpc::Status PayloadServiceImpl::DeployPayload(grpc::ServerContext* /*context*/,
                                               const v1::DeployPayloadRequest* request,
                                               v1::DeployPayloadResponse* response) {
  return Answer(deployer_.Deploy(*request), response);
}

grpc::Status PayloadServiceImpl::ExecutePayload(grpc::ServerContext* /*context*/,
                                                const v1::ExecutePayloadRequest* request,
                                                v1::ExecutePayloadResponse* response) {
  return Answer(payloads_.Execute(*request), response);
}

grpc::Status PayloadServiceImpl::GetPayloadStatus(grpc::ServerContext* /*context*/,
                                                  const v1::GetPayloadStatusRequest* request,
                                                  v1::Payload* response) {
  return Answer(reader_.Get(request->payload_id()), response);
}

grpc::Status PayloadServiceImpl::ListInstancePayloads(
    grpc::ServerContext* /*context*/, const v1::ListInstancePayloadsRequest* request,
    v1::ListInstancePayloadsResponse* response) {
  return Answer(reader_.ListOfInstance(*request), response);
}

grpc::Status PayloadServiceImpl::ListPayloads(grpc::ServerContext* /*context*/,
                                              const v1::ListPayloadsRequest* request,
                                              v1::ListPayloadsResponse* response) {
  return Answer(reader_.List(*request), response);
}

grpc::Status PayloadServiceImpl::ReadPayloadOutput(grpc::ServerContext* /*context*/,
                                                   const v1::ReadPayloadOutputRequest* request,
                                                   v1::ReadPayloadOutputResponse* response) {
  return Answer(reader_.ReadOutput(*request), response);
}

grpc::Status PayloadServiceImpl::GetScript(grpc::ServerContext* /*context*/,
                                           const v1::GetScriptRequest* request,
                                           v1::GetScriptResponse* response) {
  return Answer(reader_.GetScript(request->sha256()), response);
}

grpc::Status PayloadServiceImpl::CancelPayload(grpc::ServerContext* /*context*/,
                                               const v1::CancelPayloadRequest* request,
                                               v1::Payload* response) {
  return Answer(payloads_.Cancel(request->payload_id()), response);
}

grpc::ServerWriteReactor<v1::PayloadEvent>* PayloadServiceImpl::WatchPayload(
    grpc::CallbackServerContext* /*context*/, const v1::WatchPayloadRequest* request) {
  return StartPayloadWatch(&watches_, *request);
}

grpc::Status PayloadServiceImpl::GetDeployment(grpc::ServerContext* /*context*/,
                                               const v1::GetDeploymentRequest* request,
                                               v1::Deployment* response) {
  return Answer(deployments_.Get(request->deployment_id()), response);
}

grpc::Status PayloadServiceImpl::ListDeployments(grpc::ServerContext* /*context*/,
                                                 const v1::ListDeploymentsRequest* request,
                                                 v1::ListDeploymentsResponse* response) {
  return Answer(deployments_.List(*request), response);
}

grpc::Status PayloadServiceImpl::CancelDeployment(grpc::ServerContext* /*context*/,
                                                  const v1::CancelDeploymentRequest* request,
                                                  v1::Deployment* response) {
  return Answer(deployments_.Cancel(request->deployment_id()), response);
}

grpc::Status PayloadServiceImpl::RetryDeployment(grpc::ServerContext* /*context*/,
                                                 const v1::RetryDeploymentRequest* request,
                                                 v1::DeployPayloadResponse* response) {
  return Answer(deployments_.Retry(*request), response);
}

grpc::ServerWriteReactor<v1::DeploymentEvent>* PayloadServiceImpl::WatchDeployment(
    grpc::CallbackServerContext* /*context*/, const v1::WatchDeploymentRequest* request) {
  return StartDeploymentWatch(&feeds_, *request);
}

grpc::Status TaskServiceImpl::GetTask(grpc::ServerContext* /*context*/,
                                      const v1::GetTaskRequest* request, v1::Task* response) {
  return Answer(tasks_.Get(request->task_id()), response);
}

grpc::Status TaskServiceImpl::GetTaskLog(grpc::ServerContext* /*context*/,
                                         const v1::GetTaskLogRequest* request,
                                         v1::GetTaskLogResponse* response) {
  return Answer(tasks_.GetLog(request->task_id()), response);
}

grpc::Status TaskServiceImpl::ListTasks(grpc::ServerContext* /*context*/,
                                        const v1::ListTasksRequest* request,
                                        v1::ListTasksResponse* response) {
  return Answer(tasks_.List(*request), response);
}

grpc::Status TaskServiceImpl::ListWorkers(grpc::ServerContext* /*context*/,
                                          const v1::ListWorkersRequest* request,
                                          v1::ListWorkersResponse* response) {
  return Answer(tasks_.ListWorkers(*request), response);
}

}  // namespace longshore::services
