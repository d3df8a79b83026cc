#include "cli/command.h"
#include "proto/longshore/v1/instance_service.grpc.pb.h"

namespace longshore::cli {

absl::StatusOr<int> Command::AddInstance() {
  v1::RegisterInstanceRequest request;
  ASSIGN_OR_RETURN(const int32_t port, arguments_.Int32("port"));
  request.set_name(arguments_.Text("name"));
  request.set_address(arguments_.Text("address"));
  request.set_port(port);
  request.set_ssh_user(arguments_.Text("user"));
  request.set_project(arguments_.Text("project"));
  request.set_host_key(arguments_.Text("host-key"));
  request.set_request_id(arguments_.Text("request-id"));
  for (const std::string& tag : arguments_.All("tag")) request.add_tags(tag);
  grpc::ClientContext context;
  v1::Instance instance;
  RETURN_IF_ERROR(FromGrpcStatus(
      v1::InstanceService::NewStub(channel_)->RegisterInstance(&context, request, &instance)));
  Print(instance,
        arguments_.Has("quiet") ? std::to_string(instance.id()) + "\n" : InstanceTable({instance}));
  return 0;
}

absl::StatusOr<int> Command::ListInstances() {
  v1::ListInstancesRequest request;
  request.set_project(arguments_.Text("project"));
  for (const std::string& tag : arguments_.All("tag")) request.add_tags(tag);
  const auto stub = v1::InstanceService::NewStub(channel_);
  std::vector<v1::Instance> rows;
  RETURN_IF_ERROR((ReadPages<v1::ListInstancesRequest, v1::ListInstancesResponse, v1::Instance>(
      request,
      [&](auto* context, const auto& page, auto* response) {
        return stub->ListInstances(context, page, response);
      },
      [](auto* response, auto* all) {
        for (auto& row : *response->mutable_instances()) all->push_back(std::move(row));
      },
      &rows)));
  PrintRows(rows, InstanceTable(rows));
  return 0;
}

}  // namespace longshore::cli
