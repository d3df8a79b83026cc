#include <fstream>

#include "absl/strings/str_split.h"
#include "cli/command.h"
#include "cli/follow.h"
#include "cli/progress.h"
#include "common/payload_status.h"
#include "common/utf8.h"
#include "longshore/v1/task_service.grpc.pb.h"

namespace longshore::cli {

absl::Status Command::ReadScript(v1::DeployPayloadRequest* request) const {
  if (arguments_.Has("path") == arguments_.Has("file")) {
    return UsageError("give --path or --file, one of them");
  }
  if (arguments_.Has("path")) {
    request->set_payload_path(arguments_.Text("path"));
    return absl::OkStatus();
  }
  const std::string file = arguments_.Text("file");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return UsageError("--file '" + file + "' cannot be opened");
  // More than the server takes is not worth reading; it names the limit.
  std::string content(4 << 20, '\0');
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(stream.gcount());
  if (content.empty()) return UsageError("--file '" + file + "' is empty");
  request->set_payload_content(content);
  return absl::OkStatus();
}

absl::Status Command::ReadTargets(v1::DeployPayloadRequest* request) const {
  ASSIGN_OR_RETURN(const auto ids, arguments_.Ids("instances"));
  const bool selects = arguments_.Has("project") || arguments_.Has("tag");
  if (ids.empty() != selects) {
    return UsageError("give --instances ID,ID..., or --project P and --tag T, one of the two");
  }
  request->mutable_instance_ids()->Add(ids.begin(), ids.end());
  if (!selects) return absl::OkStatus();
  request->mutable_selector()->set_project(arguments_.Text("project"));
  for (const std::string& tag : arguments_.All("tag")) request->mutable_selector()->add_tags(tag);
  return absl::OkStatus();
}

absl::StatusOr<int> Command::Deploy() {
  v1::DeployPayloadRequest request;
  RETURN_IF_ERROR(ReadScript(&request));
  RETURN_IF_ERROR(ReadTargets(&request));
  ASSIGN_OR_RETURN(const int32_t timeout, arguments_.Int32("timeout"));
  ASSIGN_OR_RETURN(const int32_t max_concurrency, arguments_.Int32("max-concurrency"));
  ASSIGN_OR_RETURN(const int32_t max_errors, arguments_.Int32("max-errors"));
  if (max_concurrency != 0) request.mutable_rollout()->set_max_concurrency(max_concurrency);
  if (max_errors != 0) request.mutable_rollout()->set_max_errors(max_errors);
  request.set_timeout(timeout);
  request.set_remote_path(arguments_.Text("remote-path"));
  request.set_execute_payload(arguments_.Has("execute"));
  request.set_request_id(arguments_.Text("request-id"));
  request.set_validate_only(arguments_.Has("validate-only"));
  grpc::ClientContext context;
  v1::DeployPayloadResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->DeployPayload(&context, request, &response)));
  return Accepted(response, request.execute_payload());
}

absl::StatusOr<int> Command::Accepted(const v1::DeployPayloadResponse& response, bool execute) {
  for (const std::string& error : response.errors()) std::cerr << "longshore: " << error << "\n";
  const int status = response.success() ? 0 : 1;
  const bool validated = response.deployment_id() == 0;
  if (validated || !waits()) {
    std::string text =
        validated ? "valid\n" : "deployment " + std::to_string(response.deployment_id()) + "\n";
    for (int i = 0; i < response.payload_ids_size(); ++i) {
      text += "payload " + std::to_string(response.payload_ids(i)) + " task " +
              std::to_string(response.task_ids(i)) + "\n";
    }
    Print(response, text);
    return status;
  }
  ASSIGN_OR_RETURN(const int awaited,
                   Await(response.deployment_id(),
                         {response.payload_ids().begin(), response.payload_ids().end()},
                         /*until_transferred=*/!execute));
  return status != 0 ? status : awaited;
}

absl::StatusOr<int> Command::Execute() {
  v1::ExecutePayloadRequest request;
  ASSIGN_OR_RETURN(const auto ids, arguments_.Ids("payloads"));
  ASSIGN_OR_RETURN(const int64_t deployment_id, arguments_.Int("deployment", 0));
  if (ids.empty() != arguments_.Has("deployment")) {
    return UsageError("give --payloads ID,ID... or --deployment ID, one of the two");
  }
  request.mutable_payload_ids()->Add(ids.begin(), ids.end());
  request.set_deployment_id(deployment_id);
  ASSIGN_OR_RETURN(const int32_t timeout, arguments_.Int32("timeout"));
  request.set_timeout(timeout);
  request.set_request_id(arguments_.Text("request-id"));
  grpc::ClientContext context;
  v1::ExecutePayloadResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->ExecutePayload(&context, request, &response)));
  if (waits()) {
    return Await(deployment_id, {response.payload_ids().begin(), response.payload_ids().end()},
                 /*until_transferred=*/false);
  }
  std::string text;
  for (int i = 0; i < response.task_ids_size(); ++i) {
    text += "payload " + std::to_string(response.payload_ids(i)) + " task " +
            std::to_string(response.task_ids(i)) + "\n";
  }
  Print(response, text);
  return 0;
}

absl::StatusOr<int> Command::Await(int64_t deployment_id, const std::vector<int64_t>& ids,
                                   bool until_transferred) {
  const bool show_output = arguments_.Has("follow") && !json();
  Progress progress(ids.size(), show_output);
  const FollowOptions options{.until_transferred = until_transferred};
  const FollowHandlers handlers{
      .on_status = [&](const v1::Payload& payload) { progress.OnStatus(payload); },
      .on_output = [&](int64_t id, int64_t offset,
                       std::string_view data) { progress.OnOutput(id, offset, data); }};
  // One stream for the whole deployment, unless the output is wanted, or parts of several.
  auto followed = show_output || deployment_id == 0
                      ? FollowPayloads(payloads_.get(), ids, options, handlers)
                      : FollowDeployment(payloads_.get(), deployment_id, ids, options, handlers);
  progress.Finish();
  RETURN_IF_ERROR(followed.status());
  PrintRows(*followed, PayloadSummary(*followed));
  for (const v1::Payload& payload : *followed) {
    const bool good = payload.status() == v1::PAYLOAD_STATUS_COMPLETED ||
                      (until_transferred && payload.status() == v1::PAYLOAD_STATUS_TRANSFERRED);
    if (!good) return 1;
  }
  return 0;
}

absl::StatusOr<int> Command::Status() {
  v1::GetPayloadStatusRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("payload"));
  request.set_payload_id(id);
  grpc::ClientContext context;
  v1::Payload payload;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->GetPayloadStatus(&context, request, &payload)));
  Print(payload, PayloadDetails(payload));
  return 0;
}

absl::StatusOr<int> Command::Watch() {
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("payload"));
  ASSIGN_OR_RETURN(const int64_t offset, arguments_.Int("offset", 0));
  const bool as_json = json();
  // Output goes out exactly as it was printed; what is said about it goes to standard error.
  const FollowHandlers handlers{.on_status =
                                    [&](const v1::Payload& payload) {
                                      if (as_json) {
                                        std::cout << ToJson(payload) << std::flush;
                                      } else {
                                        std::cerr << "longshore: payload " << payload.id() << " is "
                                                  << StatusText(payload) << "\n";
                                      }
                                    },
                                .on_output =
                                    [&](int64_t /*payload_id*/, int64_t at, std::string_view data) {
                                      if (as_json) {
                                        v1::PayloadOutput output;
                                        output.set_offset(at);
                                        output.set_data(std::string(data));
                                        std::cout << ToJson(output) << std::flush;
                                      } else {
                                        std::cout << data << std::flush;
                                      }
                                    }};
  ASSIGN_OR_RETURN(const auto followed,
                   FollowPayloads(payloads_.get(), {id}, {.output_offset = offset}, handlers));
  return followed[0].status() == v1::PAYLOAD_STATUS_COMPLETED ? 0 : 1;
}

absl::StatusOr<int> Command::ListPayloads() {
  v1::ListInstancePayloadsRequest request;
  ASSIGN_OR_RETURN(const int64_t instance_id, arguments_.Int("instance", 0));
  if (instance_id == 0) return UsageError("give --instance ID");
  request.set_instance_id(instance_id);
  ASSIGN_OR_RETURN(const auto status, EnumOption<v1::PayloadStatus>(arguments_, "status"));
  request.set_status(status);
  std::vector<v1::Payload> rows;
  RETURN_IF_ERROR(
      (ReadPages<v1::ListInstancePayloadsRequest, v1::ListInstancePayloadsResponse, v1::Payload>(
          request,
          [&](auto* context, const auto& page, auto* response) {
            return payloads_->ListInstancePayloads(context, page, response);
          },
          [](auto* response, auto* all) {
            for (auto& row : *response->mutable_payloads()) all->push_back(std::move(row));
          },
          &rows)));
  PrintRows(rows, PayloadTable(rows));
  return 0;
}

absl::StatusOr<int> Command::Cancel() {
  v1::CancelPayloadRequest request;
  ASSIGN_OR_RETURN(const int64_t id, OnlyId("payload"));
  request.set_payload_id(id);
  grpc::ClientContext context;
  v1::Payload payload;
  RETURN_IF_ERROR(FromGrpcStatus(payloads_->CancelPayload(&context, request, &payload)));
  Print(payload, "payload " + std::to_string(id) + " is " + StatusText(payload) +
                     (IsTerminal(payload.status()) ? "\n" : "; it is being stopped\n"));
  return 0;
}

absl::StatusOr<int> Command::TaskLog(int64_t task_id) {
  v1::GetTaskLogRequest request;
  request.set_task_id(task_id);
  grpc::ClientContext context;
  v1::GetTaskLogResponse response;
  RETURN_IF_ERROR(
      FromGrpcStatus(v1::TaskService::NewStub(channel_)->GetTaskLog(&context, request, &response)));
  std::string text;
  const std::vector<std::string> lines = absl::StrSplit(response.log(), '\n', absl::SkipEmpty());
  for (const std::string& line : lines) {
    text += ToPrintableLine(line, line.size() + 1) + "\n";
  }
  Print(response, text);
  return 0;
}

absl::StatusOr<int> Command::Tasks() {
  const auto stub = v1::TaskService::NewStub(channel_);
  if (!arguments_.positional().empty()) {
    v1::GetTaskRequest request;
    ASSIGN_OR_RETURN(const int64_t id, OnlyId("task"));
    if (arguments_.Has("log")) return TaskLog(id);
    request.set_task_id(id);
    grpc::ClientContext context;
    v1::Task task;
    RETURN_IF_ERROR(FromGrpcStatus(stub->GetTask(&context, request, &task)));
    Print(task, TaskTable({task}));
    return 0;
  }
  v1::ListTasksRequest request;
  ASSIGN_OR_RETURN(const auto status, EnumOption<v1::TaskStatus>(arguments_, "status"));
  ASSIGN_OR_RETURN(const auto type, EnumOption<v1::TaskType>(arguments_, "type"));
  ASSIGN_OR_RETURN(const int64_t instance_id, arguments_.Int("instance", 0));
  request.set_status(status);
  request.set_type(type);
  request.set_instance_id(instance_id);
  std::vector<v1::Task> rows;
  RETURN_IF_ERROR((ReadPages<v1::ListTasksRequest, v1::ListTasksResponse, v1::Task>(
      request,
      [&](auto* context, const auto& page, auto* response) {
        return stub->ListTasks(context, page, response);
      },
      [](auto* response, auto* all) {
        for (auto& row : *response->mutable_tasks()) all->push_back(std::move(row));
      },
      &rows)));
  PrintRows(rows, TaskTable(rows));
  return 0;
}

}  // namespace longshore::cli
