#include <chrono>
#include <thread>

#include "cli/command.h"

namespace longshore::cli {
namespace {

// There is no stream of instances to wait on.
constexpr std::chrono::milliseconds kInstancePoll{250};

}  // namespace

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

absl::StatusOr<int> Command::CreateInstances() {
  v1::CreateInstanceRequest request;
  ASSIGN_OR_RETURN(const int32_t count, arguments_.Int32("count"));
  ASSIGN_OR_RETURN(const int32_t timeout, arguments_.Int32("timeout"));
  request.set_provider(arguments_.Text("provider"));
  request.set_name(arguments_.Text("name"));
  request.set_project(arguments_.Text("project"));
  request.set_region(arguments_.Text("region"));
  request.set_size(arguments_.Text("size"));
  request.set_image(arguments_.Text("image"));
  request.set_number_of_instances(count);
  request.set_provision(arguments_.Has("provision"));
  request.set_payload_path(arguments_.Text("path"));
  request.set_execute_payload(arguments_.Has("execute"));
  request.set_timeout(timeout);
  request.set_request_id(arguments_.Text("request-id"));
  for (const std::string& tag : arguments_.All("tag")) request.add_tags(tag);
  grpc::ClientContext context;
  v1::CreateInstanceResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      v1::InstanceService::NewStub(channel_)->CreateInstance(&context, request, &response)));
  if (waits() && !request.payload_path().empty()) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> payloads, PayloadsOf(response));
    return Await(0, payloads, /*until_transferred=*/!request.execute_payload());
  }
  if (waits()) return AwaitInstances(response);
  std::string ids;
  for (const v1::Instance& instance : response.instances()) {
    ids += std::to_string(instance.id()) + "\n";
  }
  Print(response, arguments_.Has("quiet")
                      ? ids
                      : InstanceTable({response.instances().begin(), response.instances().end()}));
  return 0;
}

absl::StatusOr<std::vector<int64_t>> Command::PayloadsOf(
    const v1::CreateInstanceResponse& created) {
  std::vector<int64_t> ids;
  for (const v1::Instance& instance : created.instances()) {
    v1::ListInstancePayloadsRequest request;
    request.set_instance_id(instance.id());
    grpc::ClientContext context;
    v1::ListInstancePayloadsResponse response;
    RETURN_IF_ERROR(FromGrpcStatus(payloads_->ListInstancePayloads(&context, request, &response)));
    // A repeated request_id may find later ones as well: the list begins with the newest.
    if (!response.payloads().empty()) ids.push_back(response.payloads().rbegin()->id());
  }
  return ids;
}

absl::StatusOr<int> Command::AwaitInstances(const v1::CreateInstanceResponse& created) {
  std::vector<v1::Instance> instances(created.instances().begin(), created.instances().end());
  bool all_ready = true;
  for (v1::Instance& instance : instances) {
    while (instance.status() != v1::INSTANCE_STATUS_READY &&
           instance.status() != v1::INSTANCE_STATUS_FAILED &&
           instance.status() != v1::INSTANCE_STATUS_TERMINATED) {
      std::this_thread::sleep_for(kInstancePoll);
      ASSIGN_OR_RETURN(instance, GetInstance(instance.id()));
    }
    if (instance.status() != v1::INSTANCE_STATUS_READY) {
      std::cerr << "instance " << instance.id() << ": " << instance.status_error() << "\n";
      all_ready = false;
    }
  }
  PrintRows(instances, InstanceTable(instances));
  return all_ready ? 0 : 1;
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

absl::StatusOr<v1::Instance> Command::GetInstance(int64_t instance_id) const {
  v1::GetInstanceRequest request;
  request.set_instance_id(instance_id);
  grpc::ClientContext context;
  v1::Instance instance;
  RETURN_IF_ERROR(FromGrpcStatus(
      v1::InstanceService::NewStub(channel_)->GetInstance(&context, request, &instance)));
  return instance;
}

absl::StatusOr<int> Command::ShowInstance() {
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("instance"));
  ASSIGN_OR_RETURN(const v1::Instance instance, GetInstance(id));
  Print(instance, InstanceDetails(instance));
  return 0;
}

absl::StatusOr<int> Command::UpdateInstance() {
  v1::UpdateInstanceRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("instance"));
  request.set_instance_id(id);
  request.set_name(arguments_.Text("name"));
  request.set_payload_path(arguments_.Text("path"));
  request.set_execute_payload(arguments_.Has("execute"));
  for (const std::string& tag : arguments_.All("tag")) request.add_tags(tag);
  if (arguments_.Has("no-tags")) {
    if (arguments_.Has("tag")) return UsageError("give --tag or --no-tags, one of the two");
    request.mutable_update_mask()->add_paths("tags");
    if (arguments_.Has("name")) request.mutable_update_mask()->add_paths("name");
    if (arguments_.Has("path")) request.mutable_update_mask()->add_paths("payload_path");
  }
  grpc::ClientContext context;
  v1::UpdateInstanceResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      v1::InstanceService::NewStub(channel_)->UpdateInstance(&context, request, &response)));
  if (response.payload_id() != 0 && waits()) {
    return Await(0, {response.payload_id()}, /*until_transferred=*/!request.execute_payload());
  }
  std::string text = InstanceTable({response.instance()});
  if (response.payload_id() != 0) {
    text += "payload " + std::to_string(response.payload_id()) + " task " +
            std::to_string(response.task_id()) + "\n";
  }
  Print(response, text);
  return 0;
}

absl::StatusOr<int> Command::DeleteInstance() {
  v1::TerminateInstanceRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("instance"));
  request.set_instance_id(id);
  grpc::ClientContext context;
  v1::TerminateInstanceResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      v1::InstanceService::NewStub(channel_)->TerminateInstance(&context, request, &response)));
  Print(response, "instance " + std::to_string(id) + " is being terminated, task " +
                      std::to_string(response.task_id()) + "\n");
  return 0;
}

}  // namespace longshore::cli
