#include "api_server/services/services.h"

#include <utility>

#include "api_server/services/deployment_watch.h"
#include "api_server/services/guarded.h"
#include "api_server/services/instance_watch.h"
#include "api_server/services/payload_watch.h"

namespace longshore::services {

using domain::Caller;

grpc::Status InstanceServiceImpl::RegisterInstance(grpc::ServerContext* context,
                                                   const v1::RegisterInstanceRequest* request,
                                                   v1::Instance* response) {
  return Guarded(guard_, *context, "InstanceService.RegisterInstance", *request, response,
                 [&](const Caller& caller) { return instances_.Register(caller, *request); });
}

grpc::Status InstanceServiceImpl::CreateInstance(grpc::ServerContext* context,
                                                 const v1::CreateInstanceRequest* request,
                                                 v1::CreateInstanceResponse* response) {
  return Guarded(guard_, *context, "InstanceService.CreateInstance", *request, response,
                 [&](const Caller& caller) { return creator_.Create(caller, *request); });
}

grpc::Status InstanceServiceImpl::GetInstance(grpc::ServerContext* context,
                                              const v1::GetInstanceRequest* request,
                                              v1::Instance* response) {
  return Guarded(
      guard_, *context, "InstanceService.GetInstance", *request, response,
      [&](const Caller& caller) { return instances_.Get(caller, request->instance_id()); });
}

grpc::Status InstanceServiceImpl::ListInstances(grpc::ServerContext* context,
                                                const v1::ListInstancesRequest* request,
                                                v1::ListInstancesResponse* response) {
  return Guarded(guard_, *context, "InstanceService.ListInstances", *request, response,
                 [&](const Caller& caller) { return instances_.List(caller, *request); });
}

grpc::Status InstanceServiceImpl::UpdateInstance(grpc::ServerContext* context,
                                                 const v1::UpdateInstanceRequest* request,
                                                 v1::UpdateInstanceResponse* response) {
  return Guarded(guard_, *context, "InstanceService.UpdateInstance", *request, response,
                 [&](const Caller& caller) { return instances_.Update(caller, *request); });
}

grpc::Status InstanceServiceImpl::TerminateInstance(grpc::ServerContext* context,
                                                    const v1::TerminateInstanceRequest* request,
                                                    v1::TerminateInstanceResponse* response) {
  return Guarded(
      guard_, *context, "InstanceService.TerminateInstance", *request, response,
      [&](const Caller& caller) { return instances_.Terminate(caller, request->instance_id()); });
}

grpc::ServerWriteReactor<v1::Instance>* InstanceServiceImpl::WatchInstances(
    grpc::CallbackServerContext* context, const v1::WatchInstancesRequest* request) {
  return StartInstanceWatch(
      &watches_, AdmissionOf(&guard_, *context, "InstanceService.WatchInstances", *request),
      *request);
}

grpc::Status PayloadServiceImpl::DeployPayload(grpc::ServerContext* context,
                                               const v1::DeployPayloadRequest* request,
                                               v1::DeployPayloadResponse* response) {
  return Guarded(guard_, *context, "PayloadService.DeployPayload", *request, response,
                 [&](const Caller& caller) { return deployer_.Deploy(caller, *request); });
}

grpc::Status PayloadServiceImpl::ExecutePayload(grpc::ServerContext* context,
                                                const v1::ExecutePayloadRequest* request,
                                                v1::ExecutePayloadResponse* response) {
  return Guarded(guard_, *context, "PayloadService.ExecutePayload", *request, response,
                 [&](const Caller& caller) { return payloads_.Execute(caller, *request); });
}

grpc::Status PayloadServiceImpl::GetPayloadStatus(grpc::ServerContext* context,
                                                  const v1::GetPayloadStatusRequest* request,
                                                  v1::Payload* response) {
  return Guarded(guard_, *context, "PayloadService.GetPayloadStatus", *request, response,
                 [&](const Caller& caller) { return reader_.Get(caller, request->payload_id()); });
}

grpc::Status PayloadServiceImpl::ListInstancePayloads(
    grpc::ServerContext* context, const v1::ListInstancePayloadsRequest* request,
    v1::ListInstancePayloadsResponse* response) {
  return Guarded(guard_, *context, "PayloadService.ListInstancePayloads", *request, response,
                 [&](const Caller& caller) { return reader_.ListOfInstance(caller, *request); });
}

grpc::Status PayloadServiceImpl::ListPayloads(grpc::ServerContext* context,
                                              const v1::ListPayloadsRequest* request,
                                              v1::ListPayloadsResponse* response) {
  return Guarded(guard_, *context, "PayloadService.ListPayloads", *request, response,
                 [&](const Caller& caller) { return reader_.List(caller, *request); });
}

grpc::Status PayloadServiceImpl::ReadPayloadOutput(grpc::ServerContext* context,
                                                   const v1::ReadPayloadOutputRequest* request,
                                                   v1::ReadPayloadOutputResponse* response) {
  return Guarded(guard_, *context, "PayloadService.ReadPayloadOutput", *request, response,
                 [&](const Caller& caller) { return reader_.ReadOutput(caller, *request); });
}

grpc::Status PayloadServiceImpl::GetScript(grpc::ServerContext* context,
                                           const v1::GetScriptRequest* request,
                                           v1::GetScriptResponse* response) {
  return Guarded(
      guard_, *context, "PayloadService.GetScript", *request, response,
      [&](const Caller& caller) { return reader_.GetScript(caller, request->sha256()); });
}

grpc::Status PayloadServiceImpl::CancelPayload(grpc::ServerContext* context,
                                               const v1::CancelPayloadRequest* request,
                                               v1::Payload* response) {
  return Guarded(
      guard_, *context, "PayloadService.CancelPayload", *request, response,
      [&](const Caller& caller) { return payloads_.Cancel(caller, request->payload_id()); });
}

grpc::ServerWriteReactor<v1::PayloadEvent>* PayloadServiceImpl::WatchPayload(
    grpc::CallbackServerContext* context, const v1::WatchPayloadRequest* request) {
  return StartPayloadWatch(
      &watches_, AdmissionOf(&guard_, *context, "PayloadService.WatchPayload", *request), *request);
}

grpc::Status PayloadServiceImpl::GetDeployment(grpc::ServerContext* context,
                                               const v1::GetDeploymentRequest* request,
                                               v1::Deployment* response) {
  return Guarded(
      guard_, *context, "PayloadService.GetDeployment", *request, response,
      [&](const Caller& caller) { return deployments_.Get(caller, request->deployment_id()); });
}

grpc::Status PayloadServiceImpl::ListDeployments(grpc::ServerContext* context,
                                                 const v1::ListDeploymentsRequest* request,
                                                 v1::ListDeploymentsResponse* response) {
  return Guarded(guard_, *context, "PayloadService.ListDeployments", *request, response,
                 [&](const Caller& caller) { return deployments_.List(caller, *request); });
}

grpc::Status PayloadServiceImpl::CancelDeployment(grpc::ServerContext* context,
                                                  const v1::CancelDeploymentRequest* request,
                                                  v1::Deployment* response) {
  return Guarded(
      guard_, *context, "PayloadService.CancelDeployment", *request, response,
      [&](const Caller& caller) { return deployments_.Cancel(caller, request->deployment_id()); });
}

grpc::Status PayloadServiceImpl::PauseDeployment(grpc::ServerContext* context,
                                                 const v1::PauseDeploymentRequest* request,
                                                 v1::Deployment* response) {
  return Guarded(
      guard_, *context, "PayloadService.PauseDeployment", *request, response,
      [&](const Caller& caller) { return deployments_.Pause(caller, request->deployment_id()); });
}

grpc::Status PayloadServiceImpl::ResumeDeployment(grpc::ServerContext* context,
                                                  const v1::ResumeDeploymentRequest* request,
                                                  v1::Deployment* response) {
  return Guarded(guard_, *context, "PayloadService.ResumeDeployment", *request, response,
                 [&](const Caller& caller) { return deployments_.Resume(caller, *request); });
}

grpc::Status PayloadServiceImpl::RetryDeployment(grpc::ServerContext* context,
                                                 const v1::RetryDeploymentRequest* request,
                                                 v1::DeployPayloadResponse* response) {
  return Guarded(guard_, *context, "PayloadService.RetryDeployment", *request, response,
                 [&](const Caller& caller) { return deployments_.Retry(caller, *request); });
}

grpc::ServerWriteReactor<v1::DeploymentEvent>* PayloadServiceImpl::WatchDeployment(
    grpc::CallbackServerContext* context, const v1::WatchDeploymentRequest* request) {
  return StartDeploymentWatch(
      &feeds_, AdmissionOf(&guard_, *context, "PayloadService.WatchDeployment", *request),
      *request);
}

grpc::Status TaskServiceImpl::GetTask(grpc::ServerContext* context,
                                      const v1::GetTaskRequest* request, v1::Task* response) {
  return Guarded(guard_, *context, "TaskService.GetTask", *request, response,
                 [&](const Caller& caller) { return tasks_.Get(caller, request->task_id()); });
}

grpc::Status TaskServiceImpl::GetTaskLog(grpc::ServerContext* context,
                                         const v1::GetTaskLogRequest* request,
                                         v1::GetTaskLogResponse* response) {
  return Guarded(guard_, *context, "TaskService.GetTaskLog", *request, response,
                 [&](const Caller& caller) { return tasks_.GetLog(caller, request->task_id()); });
}

grpc::Status TaskServiceImpl::ListTasks(grpc::ServerContext* context,
                                        const v1::ListTasksRequest* request,
                                        v1::ListTasksResponse* response) {
  return Guarded(guard_, *context, "TaskService.ListTasks", *request, response,
                 [&](const Caller& caller) { return tasks_.List(caller, *request); });
}

grpc::Status TaskServiceImpl::ListWorkers(grpc::ServerContext* context,
                                          const v1::ListWorkersRequest* request,
                                          v1::ListWorkersResponse* response) {
  return Guarded(guard_, *context, "TaskService.ListWorkers", *request, response,
                 [&](const Caller& caller) { return tasks_.ListWorkers(caller, *request); });
}

grpc::Status AccessServiceImpl::CreateToken(grpc::ServerContext* context,
                                            const v1::CreateTokenRequest* request,
                                            v1::CreateTokenResponse* response) {
  return Guarded(guard_, *context, "AccessService.CreateToken", *request, response,
                 [&](const Caller& caller) { return tokens_.Create(caller, *request); });
}

grpc::Status AccessServiceImpl::ListTokens(grpc::ServerContext* context,
                                           const v1::ListTokensRequest* request,
                                           v1::ListTokensResponse* response) {
  return Guarded(guard_, *context, "AccessService.ListTokens", *request, response,
                 [&](const Caller& caller) { return tokens_.List(caller, *request); });
}

grpc::Status AccessServiceImpl::RevokeToken(grpc::ServerContext* context,
                                            const v1::RevokeTokenRequest* request,
                                            v1::Token* response) {
  return Guarded(guard_, *context, "AccessService.RevokeToken", *request, response,
                 [&](const Caller& caller) { return tokens_.Revoke(caller, request->token_id()); });
}

grpc::Status AccessServiceImpl::ListAuditEvents(grpc::ServerContext* context,
                                                const v1::ListAuditEventsRequest* request,
                                                v1::ListAuditEventsResponse* response) {
  return Guarded(guard_, *context, "AccessService.ListAuditEvents", *request, response,
                 [&](const Caller& caller) { return tokens_.ListAudit(caller, *request); });
}

}  // namespace longshore::services
