// The public RPCs. Each lets the guard look at its caller first, and then hands its request to the
// domain and the result to gRPC.
#ifndef LONGSHORE_API_SERVER_SERVICES_SERVICES_H_
#define LONGSHORE_API_SERVER_SERVICES_SERVICES_H_

#include "api_server/access/guard.h"
#include "api_server/access/token_manager.h"
#include "api_server/domain/deployer.h"
#include "api_server/domain/deployment_manager.h"
#include "api_server/domain/instance_creator.h"
#include "api_server/domain/instance_manager.h"
#include "api_server/domain/payload_manager.h"
#include "api_server/domain/payload_reader.h"
#include "api_server/domain/task_manager.h"
#include "api_server/services/deployment_feed.h"
#include "api_server/services/watch_hub.h"
#include "longshore/v1/access_service.grpc.pb.h"
#include "longshore/v1/instance_service.grpc.pb.h"
#include "longshore/v1/payload_service.grpc.pb.h"
#include "longshore/v1/task_service.grpc.pb.h"

namespace longshore::services {

// A watch stays open as long as its client likes, so watches use the callback API and hold no
// thread.
class InstanceServiceImpl final
    : public v1::InstanceService::WithCallbackMethod_WatchInstances<v1::InstanceService::Service> {
 public:
  InstanceServiceImpl(access::Guard* guard, domain::InstanceManager* instances,
                      domain::InstanceCreator* creator, WatchHub* watches)
      : guard_(*guard), instances_(*instances), creator_(*creator), watches_(*watches) {}

  grpc::Status RegisterInstance(grpc::ServerContext* context,
                                const v1::RegisterInstanceRequest* request,
                                v1::Instance* response) override;
  grpc::Status CreateInstance(grpc::ServerContext* context,
                              const v1::CreateInstanceRequest* request,
                              v1::CreateInstanceResponse* response) override;
  grpc::Status GetInstance(grpc::ServerContext* context, const v1::GetInstanceRequest* request,
                           v1::Instance* response) override;
  grpc::Status ListInstances(grpc::ServerContext* context, const v1::ListInstancesRequest* request,
                             v1::ListInstancesResponse* response) override;
  grpc::Status UpdateInstance(grpc::ServerContext* context,
                              const v1::UpdateInstanceRequest* request,
                              v1::UpdateInstanceResponse* response) override;
  grpc::Status TerminateInstance(grpc::ServerContext* context,
                                 const v1::TerminateInstanceRequest* request,
                                 v1::TerminateInstanceResponse* response) override;
  grpc::ServerWriteReactor<v1::Instance>* WatchInstances(
      grpc::CallbackServerContext* context, const v1::WatchInstancesRequest* request) override;

 private:
  access::Guard& guard_;
  domain::InstanceManager& instances_;
  domain::InstanceCreator& creator_;
  WatchHub& watches_;
};

class PayloadServiceImpl final
    : public v1::PayloadService::WithCallbackMethod_WatchPayload<
          v1::PayloadService::WithCallbackMethod_WatchDeployment<v1::PayloadService::Service>> {
 public:
  PayloadServiceImpl(access::Guard* guard, domain::Deployer* deployer,
                     domain::PayloadManager* payloads, domain::PayloadReader* reader,
                     domain::DeploymentManager* deployments, WatchHub* watches,
                     DeploymentFeeds* feeds)
      : guard_(*guard),
        deployer_(*deployer),
        payloads_(*payloads),
        reader_(*reader),
        deployments_(*deployments),
        watches_(*watches),
        feeds_(*feeds) {}

  grpc::Status DeployPayload(grpc::ServerContext* context, const v1::DeployPayloadRequest* request,
                             v1::DeployPayloadResponse* response) override;
  grpc::Status ExecutePayload(grpc::ServerContext* context,
                              const v1::ExecutePayloadRequest* request,
                              v1::ExecutePayloadResponse* response) override;
  grpc::Status GetPayloadStatus(grpc::ServerContext* context,
                                const v1::GetPayloadStatusRequest* request,
                                v1::Payload* response) override;
  grpc::Status ListInstancePayloads(grpc::ServerContext* context,
                                    const v1::ListInstancePayloadsRequest* request,
                                    v1::ListInstancePayloadsResponse* response) override;
  grpc::Status ListPayloads(grpc::ServerContext* context, const v1::ListPayloadsRequest* request,
                            v1::ListPayloadsResponse* response) override;
  grpc::Status ReadPayloadOutput(grpc::ServerContext* context,
                                 const v1::ReadPayloadOutputRequest* request,
                                 v1::ReadPayloadOutputResponse* response) override;
  grpc::Status GetScript(grpc::ServerContext* context, const v1::GetScriptRequest* request,
                         v1::GetScriptResponse* response) override;
  grpc::Status CancelPayload(grpc::ServerContext* context, const v1::CancelPayloadRequest* request,
                             v1::Payload* response) override;
  grpc::ServerWriteReactor<v1::PayloadEvent>* WatchPayload(
      grpc::CallbackServerContext* context, const v1::WatchPayloadRequest* request) override;

  grpc::Status GetDeployment(grpc::ServerContext* context, const v1::GetDeploymentRequest* request,
                             v1::Deployment* response) override;
  grpc::Status ListDeployments(grpc::ServerContext* context,
                               const v1::ListDeploymentsRequest* request,
                               v1::ListDeploymentsResponse* response) override;
  grpc::Status CancelDeployment(grpc::ServerContext* context,
                                const v1::CancelDeploymentRequest* request,
                                v1::Deployment* response) override;
  grpc::Status PauseDeployment(grpc::ServerContext* context,
                               const v1::PauseDeploymentRequest* request,
                               v1::Deployment* response) override;
  grpc::Status ResumeDeployment(grpc::ServerContext* context,
                                const v1::ResumeDeploymentRequest* request,
                                v1::Deployment* response) override;
  grpc::Status RetryDeployment(grpc::ServerContext* context,
                               const v1::RetryDeploymentRequest* request,
                               v1::DeployPayloadResponse* response) override;
  grpc::ServerWriteReactor<v1::DeploymentEvent>* WatchDeployment(
      grpc::CallbackServerContext* context, const v1::WatchDeploymentRequest* request) override;

 private:
  access::Guard& guard_;
  domain::Deployer& deployer_;
  domain::PayloadManager& payloads_;
  domain::PayloadReader& reader_;
  domain::DeploymentManager& deployments_;
  WatchHub& watches_;
  DeploymentFeeds& feeds_;
};

class TaskServiceImpl final : public v1::TaskService::Service {
 public:
  TaskServiceImpl(access::Guard* guard, domain::TaskManager* tasks)
      : guard_(*guard), tasks_(*tasks) {}

  grpc::Status GetTask(grpc::ServerContext* context, const v1::GetTaskRequest* request,
                       v1::Task* response) override;
  grpc::Status GetTaskLog(grpc::ServerContext* context, const v1::GetTaskLogRequest* request,
                          v1::GetTaskLogResponse* response) override;
  grpc::Status ListTasks(grpc::ServerContext* context, const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;

 private:
  access::Guard& guard_;
  domain::TaskManager& tasks_;
};

class AccessServiceImpl final : public v1::AccessService::Service {
 public:
  AccessServiceImpl(access::Guard* guard, access::TokenManager* tokens)
      : guard_(*guard), tokens_(*tokens) {}

  grpc::Status CreateToken(grpc::ServerContext* context, const v1::CreateTokenRequest* request,
                           v1::CreateTokenResponse* response) override;
  grpc::Status ListTokens(grpc::ServerContext* context, const v1::ListTokensRequest* request,
                          v1::ListTokensResponse* response) override;
  grpc::Status RevokeToken(grpc::ServerContext* context, const v1::RevokeTokenRequest* request,
                           v1::Token* response) override;
  grpc::Status ListAuditEvents(grpc::ServerContext* context,
                               const v1::ListAuditEventsRequest* request,
                               v1::ListAuditEventsResponse* response) override;

 private:
  access::Guard& guard_;
  access::TokenManager& tokens_;
};

}  // namespace longshore::services

#endif  // LONGSHORE_API_SERVER_SERVICES_SERVICES_H_
