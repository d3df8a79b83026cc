#include "cli/command.h"
#include "cli/follow.h"
#include "common/payload_status.h"

namespace longshore::cli {

absl::StatusOr<v1::Deployment> Command::GetDeployment(int64_t deployment_id) const {
  v1::GetDeploymentRequest request;
  request.set_deployment_id(deployment_id);
  grpc::ClientContext context;
  v1::Deployment deployment;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->GetDeployment(&context, request, &deployment)));
  return deployment;
}

absl::StatusOr<int> Command::ListDeployments() {
  v1::ListDeploymentsRequest request;
  request.set_project(arguments_.Text("project"));
  std::vector<v1::Deployment> rows;
  RETURN_IF_ERROR(
      (ReadPages<v1::ListDeploymentsRequest, v1::ListDeploymentsResponse, v1::Deployment>(
          request,
          [&](auto* context, const auto& page, auto* response) {
            return payloads_->ListDeployments(context, page, response);
          },
          [](auto* response, auto* all) {
            for (auto& row : *response->mutable_deployments()) all->push_back(std::move(row));
          },
          &rows)));
  PrintRows(rows, DeploymentTable(rows));
  return 0;
}

absl::StatusOr<int> Command::ShowDeployment() {
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("deployment"));
  ASSIGN_OR_RETURN(const v1::Deployment deployment, GetDeployment(id));
  std::vector<v1::Payload> payloads;
  // The stream begins with every payload as it is now.
  RETURN_IF_ERROR(WatchDeploymentEvents(payloads_.get(), id, [&](const v1::DeploymentEvent& event) {
    if (event.has_payload()) payloads.push_back(event.payload());
    return static_cast<int64_t>(payloads.size()) < deployment.counts().total();
  }));
  if (json()) {
    std::cout << ToJson(deployment);
  } else {
    std::cout << DeploymentDetails(deployment) << "\n";
  }
  PrintRows(payloads, PayloadTable(payloads));
  return 0;
}

absl::StatusOr<int> Command::WatchDeployment() {
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("deployment"));
  v1::Deployment last;
  RETURN_IF_ERROR(WatchDeploymentEvents(payloads_.get(), id, [&](const v1::DeploymentEvent& event) {
    if (event.has_deployment()) last = event.deployment();
    if (json()) {
      std::cout << ToJson(event) << std::flush;
    } else if (event.has_deployment()) {
      std::cout << CountsText(event.deployment().counts()) << std::endl;
    } else if (event.payload().status() != v1::PAYLOAD_STATUS_PENDING) {
      std::cout << PayloadLine(event.payload()) << std::endl;
    }
    return true;
  }));
  if (!last.stop_reason().empty()) std::cerr << "longshore: " << last.stop_reason() << "\n";
  return last.counts().completed() == last.counts().total() ? 0 : 1;
}

absl::StatusOr<int> Command::CancelDeployment() {
  v1::CancelDeploymentRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("deployment"));
  request.set_deployment_id(id);
  grpc::ClientContext context;
  v1::Deployment deployment;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->CancelDeployment(&context, request, &deployment)));
  Print(deployment,
        "deployment " + std::to_string(id) + ": " + CountsText(deployment.counts()) + "\n");
  return 0;
}

absl::StatusOr<int> Command::RetryDeployment() {
  v1::RetryDeploymentRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("deployment"));
  request.set_deployment_id(id);
  request.set_request_id(arguments_.Text("request-id"));
  ASSIGN_OR_RETURN(const v1::Deployment deployment, GetDeployment(id));
  grpc::ClientContext context;
  v1::DeployPayloadResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->RetryDeployment(&context, request, &response)));
  return Accepted(response, deployment.request().execute_payload());
}

}  // namespace longshore::cli
